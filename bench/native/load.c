/*
 * load: TCP ping-pong against an echo server; prints one line of JSON.
 *
 * Each connection sends a batch of DEPTH messages of SIZE bytes in one call, waits until all of its bytes have come
 * back, and sends the next. A batch counts as DEPTH requests; its latency is from the send to the last byte. Received
 * bytes are discarded inside the kernel (MSG_TRUNC, tcp(7)), which spares a copy, so that this program is not the
 * slower side; that the server really echoes is checked on every connection before the clock starts.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "measure.h"

#define MAX_EVENTS 1024
#define MAX_BATCH_BYTES (16L << 20)
#define DISCARD_BYTES (1u << 20) /* how much one recv may throw away */
#define CHECK_BYTES 4096         /* at most this much is echoed and compared at the start */
#define SILENCE_NS 5000000000ull /* a server that answers nobody for so long has failed */

struct options {
  int port, pid;
  long connections, size, depth, seconds_ms, warmup_ms;
};

struct connection {
  int fd;
  long unsent;      /* bytes of the batch that the socket has not taken yet */
  long outstanding; /* bytes of the batch that have not come back yet */
  uint64_t sent_ns;
};

static struct options options = {.connections = 64, .size = 64, .depth = 1, .seconds_ms = 3000, .warmup_ms = 500};
static struct connection *connections;
static struct histogram latencies;
static long batch_bytes;
static char *batch;
static int poller;
static uint64_t requests;

static void read_options(int argc, char **argv) {
  for (int option; (option = getopt(argc, argv, "p:c:s:d:t:w:P:")) != -1;) {
    switch (option) {
    case 'p': options.port = (int)option_number('p', optarg, 1, 65535); break;
    case 'c': options.connections = option_number('c', optarg, 1, 60000); break;
    case 's': options.size = option_number('s', optarg, 1, 1 << 20); break;
    case 'd': options.depth = option_number('d', optarg, 1, 4096); break;
    case 't': options.seconds_ms = option_number('t', optarg, 1, 3600000); break;
    case 'w': options.warmup_ms = option_number('w', optarg, 0, 3600000); break;
    case 'P': options.pid = (int)option_number('P', optarg, 1, 1 << 22); break;
    default:
      fprintf(stderr, "usage: load -p port -P server-pid [-c connections] [-s size] [-d depth] [-t ms] [-w warm-up ms]\n");
      exit(2);
    }
  }
  batch_bytes = options.size * options.depth;
  if (options.port == 0 || options.pid == 0 || batch_bytes > MAX_BATCH_BYTES) {
    fprintf(stderr, "load: -p and -P are needed, and size x depth may be at most %ld bytes\n", MAX_BATCH_BYTES);
    exit(2);
  }
}

/* Sends a pattern that differs per connection and compares what comes back, while the socket still blocks. */
static void check_echo(int fd, unsigned seed) {
  static char sent[CHECK_BYTES], received[CHECK_BYTES];
  size_t length = batch_bytes < CHECK_BYTES ? (size_t)batch_bytes : CHECK_BYTES;
  for (size_t i = 0; i < length; i++)
    sent[i] = (char)(seed * 31u + i * 7u + 1u);
  if (send(fd, sent, length, MSG_NOSIGNAL) != (ssize_t)length)
    die("send of the check");
  ssize_t got = recv(fd, received, length, MSG_WAITALL);
  if (got < 0)
    die("no echo to the check");
  errno = 0;
  if ((size_t)got != length || memcmp(sent, received, length) != 0)
    die("the server did not echo what was sent");
}

static int open_connection(const struct sockaddr_in *address, unsigned seed) {
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;
  /* Closing resets, so that a run leaves no port in TIME_WAIT and runs may follow each other at once. */
  struct linger reset = {.l_onoff = 1, .l_linger = 0};
  struct timeval patience = {.tv_sec = SILENCE_NS / 1000000000};
  if (fd < 0)
    die("socket");
  if (setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one) != 0 ||
      setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset) != 0 ||
      setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience) != 0)
    die("setsockopt");
  if (connect(fd, (const struct sockaddr *)address, sizeof *address) != 0)
    die("connect");
  check_echo(fd, seed);
  if (fcntl(fd, F_SETFL, O_NONBLOCK) != 0)
    die("fcntl");
  return fd;
}

static void watch(struct connection *connection, int operation, uint32_t events) {
  struct epoll_event event = {.events = events, .data.ptr = connection};
  if (epoll_ctl(poller, operation, connection->fd, &event) != 0)
    die("epoll_ctl");
}

/* Sends what the socket takes of the batch; asks for EPOLLOUT only while something is left. */
static void send_rest(struct connection *connection, int watched_for_output) {
  ssize_t sent = send(connection->fd, batch, (size_t)connection->unsent, MSG_NOSIGNAL);
  if (sent < 0) {
    if (errno != EAGAIN)
      die("send");
    sent = 0;
  }
  connection->unsent -= sent;
  int wants_output = connection->unsent > 0;
  if (wants_output != watched_for_output)
    watch(connection, EPOLL_CTL_MOD, wants_output ? EPOLLIN | EPOLLOUT : EPOLLIN);
}

static void start_batch(struct connection *connection, uint64_t now) {
  connection->unsent = connection->outstanding = batch_bytes;
  connection->sent_ns = now;
  send_rest(connection, 0);
}

static void receive(struct connection *connection) {
  ssize_t received = recv(connection->fd, NULL, DISCARD_BYTES, MSG_TRUNC);
  if (received < 0 && errno == EAGAIN)
    return;
  if (received <= 0) {
    if (received == 0)
      errno = 0;
    die("the server closed a connection");
  }
  connection->outstanding -= received;
  if (connection->outstanding > 0)
    return;
  errno = 0;
  if (connection->outstanding < 0)
    die("the server sent more than it was sent");
  uint64_t now = now_ns();
  histogram_add(&latencies, now - connection->sent_ns);
  requests += (uint64_t)options.depth;
  start_batch(connection, now);
}

static void one_pass(void) {
  struct epoll_event events[MAX_EVENTS];
  int ready = epoll_wait(poller, events, MAX_EVENTS, 100);
  if (ready < 0 && errno != EINTR)
    die("epoll_wait");
  for (int i = 0; i < ready; i++) {
    struct connection *connection = events[i].data.ptr;
    if ((events[i].events & EPOLLOUT) && connection->unsent > 0)
      send_rest(connection, 1);
    if (events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR))
      receive(connection);
  }
}

/* Runs for this long; ends the process if nobody is answered for SILENCE_NS. */
static void run_for(long ms) {
  uint64_t end = now_ns() + (uint64_t)ms * 1000000u, counted = requests, moved = now_ns();
  for (;;) {
    one_pass();
    uint64_t now = now_ns();
    if (now >= end)
      return;
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
  batch = malloc((size_t)batch_bytes);
  connections = calloc((size_t)options.connections, sizeof *connections);
  poller = epoll_create1(EPOLL_CLOEXEC);
  if (!batch || !connections || poller < 0)
    die("start");
  memset(batch, 'x', (size_t)batch_bytes);

  struct sockaddr_in address = loopback(options.port);
  uint64_t connecting = now_ns();
  for (long i = 0; i < options.connections; i++)
    connections[i].fd = open_connection(&address, (unsigned)i);
  double connect_ms = (double)(now_ns() - connecting) / 1e6;
  for (long i = 0; i < options.connections; i++) {
    watch(&connections[i], EPOLL_CTL_ADD, EPOLLIN);
    start_batch(&connections[i], now_ns());
  }

  run_for(options.warmup_ms);
  find_server(&server, options.pid);
  memset(&latencies, 0, sizeof latencies);
  requests = 0;
  struct cost server_before = server_cost(&server), own_before = own_cost();
  uint64_t began = now_ns();
  run_for(options.seconds_ms);
  uint64_t ended = now_ns();
  struct cost server_after = server_cost(&server), own_after = own_cost();

  errno = 0;
  if (requests == 0)
    die("no request was answered within the window");
  double window = (double)(ended - began);
  printf("{\"requests\":%llu,\"windowNs\":%.0f,\"serverCpuNs\":%llu,\"serverWaitNs\":%llu,\"loadBusyNs\":%llu,"
         "\"loadWaitNs\":%llu,\"p50Us\":%.1f,\"p99Us\":%.1f,\"p999Us\":%.1f,\"connectMs\":%.2f,\"lost\":0}\n",
         (unsigned long long)requests, window, (unsigned long long)(server_after.cpu_ns - server_before.cpu_ns),
         (unsigned long long)(server_after.wait_ns - server_before.wait_ns),
         (unsigned long long)(own_after.cpu_ns - own_before.cpu_ns),
         (unsigned long long)(own_after.wait_ns - own_before.wait_ns), histogram_micros(&latencies, 0.5),
         histogram_micros(&latencies, 0.99), histogram_micros(&latencies, 0.999), connect_ms);
  return 0;
}
