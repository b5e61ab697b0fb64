/*
 * connect: connection set-up and tear-down against an echo server; prints one line of JSON.
 *
 * So many conversations at a time as -c says, each: connect, send SIZE bytes, receive them, half-close, see the server's
 * end, close; and again. One of them counts as one request; its latency is from the connect to the close. Clients come
 * from many addresses of 127.0.0.0/8, so that ports in TIME_WAIT do not run out.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "measure.h"

#define MAX_EVENTS 1024
#define SOURCES 200              /* 127.0.1.1 to 127.0.1.200 */
#define SILENCE_NS 5000000000ull /* a server that serves nobody for so long has failed */

struct conversation {
  int fd;
  int is_open; /* connected and sent */
  long outstanding;
  uint64_t began_ns;
};

static int port, pid, poller;
static long count = 64, size = 64, seconds_ms = 3000, warmup_ms = 500;
static struct sockaddr_in server_address;
static char *message;
static struct histogram latencies;
static uint64_t requests;

static void read_options(int argc, char **argv) {
  for (int option; (option = getopt(argc, argv, "p:c:s:t:w:P:")) != -1;) {
    switch (option) {
    case 'p': port = (int)option_number('p', optarg, 1, 65535); break;
    case 'c': count = option_number('c', optarg, 1, 10000); break;
    case 's': size = option_number('s', optarg, 1, 4096); break;
    case 't': seconds_ms = option_number('t', optarg, 1, 3600000); break;
    case 'w': warmup_ms = option_number('w', optarg, 0, 3600000); break;
    case 'P': pid = (int)option_number('P', optarg, 1, 1 << 22); break;
    default:
      fprintf(stderr, "usage: connect -p port -P server-pid [-c conversations] [-s size] [-t ms] [-w warm-up ms]\n");
      exit(2);
    }
  }
  if (port == 0 || pid == 0) {
    fprintf(stderr, "connect: -p and -P are needed\n");
    exit(2);
  }
}

static void begin(struct conversation *conversation) {
  static unsigned turn;
  int one = 1;
  struct sockaddr_in source = {.sin_family = AF_INET};
  source.sin_addr.s_addr = htonl(0x7f000101u + turn++ % SOURCES);
  conversation->began_ns = now_ns();
  conversation->is_open = 0;
  conversation->outstanding = size;
  conversation->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (conversation->fd < 0)
    die("socket");
  /* The port is chosen at connect, when both ends are known: else the addresses would gain nothing. */
  if (setsockopt(conversation->fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof one) != 0 ||
      bind(conversation->fd, (struct sockaddr *)&source, sizeof source) != 0)
    die("bind");
  if (connect(conversation->fd, (struct sockaddr *)&server_address, sizeof server_address) != 0 && errno != EINPROGRESS)
    die("connect");
  struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLET, .data.ptr = conversation};
  if (epoll_ctl(poller, EPOLL_CTL_ADD, conversation->fd, &event) != 0)
    die("epoll_ctl");
}

static void proceed(struct conversation *conversation, uint32_t events) {
  static char received[4096];
  if (!conversation->is_open) {
    if (!(events & (EPOLLOUT | EPOLLERR)))
      return;
    if (send(conversation->fd, message, (size_t)size, MSG_NOSIGNAL) != size)
      die("send");
    conversation->is_open = 1;
  }
  for (;;) {
    ssize_t got = recv(conversation->fd, received, sizeof received, 0);
    if (got < 0 && errno == EAGAIN)
      return;
    if (got < 0)
      die("recv");
    if (got == 0)
      break;
    errno = 0;
    if (got > conversation->outstanding || memcmp(received, message, (size_t)got) != 0)
      die("the server did not echo what was sent");
    conversation->outstanding -= got;
    if (conversation->outstanding == 0 && shutdown(conversation->fd, SHUT_WR) != 0)
      die("shutdown");
  }
  errno = 0;
  if (conversation->outstanding > 0)
    die("the server ended before it had answered");
  close(conversation->fd);
  histogram_add(&latencies, now_ns() - conversation->began_ns);
  requests++;
  begin(conversation);
}

static void run_for(long ms) {
  uint64_t end = now_ns() + (uint64_t)ms * 1000000u, counted = requests, moved = now_ns();
  for (uint64_t now = moved; now < end; now = now_ns()) {
    struct epoll_event events[MAX_EVENTS];
    int ready = epoll_wait(poller, events, MAX_EVENTS, 100);
    if (ready < 0 && errno != EINTR)
      die("epoll_wait");
    for (int i = 0; i < ready; i++)
      proceed(events[i].data.ptr, events[i].events);
    if (requests != counted) {
      counted = requests;
      moved = now;
    } else if (now - moved > SILENCE_NS) {
      errno = 0;
      die("the server stopped answering");
    }
  }
}

int main(int argc, char **argv) {
  static struct server server;
  read_options(argc, argv);
  server_address = loopback(port);
  message = malloc((size_t)size);
  struct conversation *conversations = calloc((size_t)count, sizeof *conversations);
  poller = epoll_create1(EPOLL_CLOEXEC);
  if (!message || !conversations || poller < 0)
    die("start");
  memset(message, 'x', (size_t)size);
  for (long i = 0; i < count; i++)
    begin(&conversations[i]);
  run_for(warmup_ms);
  find_server(&server, pid);
  memset(&latencies, 0, sizeof latencies);
  requests = 0;
  struct cost server_before = server_cost(&server), own_before = own_cost();
  uint64_t began = now_ns();
  run_for(seconds_ms);
  uint64_t ended = now_ns();
  struct cost server_after = server_cost(&server), own_after = own_cost();
  errno = 0;
  if (requests == 0)
    die("no conversation was finished within the window");
  printf("{\"requests\":%llu,\"windowNs\":%.0f,\"serverCpuNs\":%llu,\"serverWaitNs\":%llu,\"loadBusyNs\":%llu,"
         "\"loadWaitNs\":%llu,\"p50Us\":%.1f,\"p99Us\":%.1f,\"p999Us\":%.1f,\"lost\":0}\n",
         (unsigned long long)requests, (double)(ended - began),
         (unsigned long long)(server_after.cpu_ns - server_before.cpu_ns),
         (unsigned long long)(server_after.wait_ns - server_before.wait_ns),
         (unsigned long long)(own_after.cpu_ns - own_before.cpu_ns),
         (unsigned long long)(own_after.wait_ns - own_before.wait_ns), histogram_micros(&latencies, 0.5),
         histogram_micros(&latencies, 0.99), histogram_micros(&latencies, 0.999));
  return 0;
}
