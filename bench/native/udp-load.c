/*
 * udp-load: keeps a window of datagrams in flight on each of several flows; prints one line of JSON.
 *
 * A flow is a connected socket, so it has a port of its own and the server sees many peers. When half of a flow's
 * window is free it is refilled with one sendmmsg; answers are taken with recvmmsg. Each datagram carries its flow and
 * its time of sending, which the echo brings back: that gives the latency, and proves each answer to be an echo.
 *
 * With -g each send is a run of so many datagrams, which the kernel cuts (UDP_SEGMENT, udp(7)), and answers are taken as
 * runs too (UDP_GRO). A run is little more work than one datagram, so this load is not the bottleneck there either.
 *
 * The program never sleeps: a wake-up per batch would measure the scheduler. Its own load is therefore not its CPU time
 * but the time of those turns of a flow in which something moved.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <netinet/udp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "measure.h"

#define BATCH 64                /* datagrams per call at most */
#define MAX_FLOWS 4096
#define MAX_SIZE 65507          /* the largest UDP payload over IPv4 */
#define MAX_RUN 64              /* datagrams that the kernel cuts a send into at most: UDP_MAX_SEGMENTS */
#define MAGIC 0x506f7274u
#define LOST_NS 100000000ull    /* a flow that is silent for so long has lost its window */
#define SILENCE_NS 5000000000ull
#define SOCKET_BUFFER (4 << 20) /* of the load only; capped by rmem_max, and the server's stay as they are */

struct options {
  int port, pid;
  long flows, size, window, run, seconds_ms, warmup_ms;
};

struct header {
  uint64_t sent_ns;
  uint32_t flow;
  uint32_t magic;
};

struct flow {
  int fd;
  long in_flight;
  uint64_t moved_ns; /* when it last sent or received */
  uint64_t reset_ns; /* what was sent before this has been written off */
};

static struct options options = {.flows = 1, .size = 64, .window = 128, .run = 1, .seconds_ms = 3000, .warmup_ms = 500};
static struct flow *flows;
static struct histogram latencies;
static char payload[MAX_SIZE];
static char answers[BATCH][65536]; /* touched, and so there, only as far as answers reach */
static char controls[BATCH][CMSG_SPACE(sizeof(int))];
static struct iovec out_parts[BATCH], in_parts[BATCH];
static struct mmsghdr out[BATCH], in[BATCH];
static uint64_t answered, sent, lost, busy_ns;

static void read_options(int argc, char **argv) {
  for (int option; (option = getopt(argc, argv, "p:n:s:W:g:t:w:P:")) != -1;) {
    switch (option) {
    case 'p': options.port = (int)option_number('p', optarg, 1, 65535); break;
    case 'n': options.flows = option_number('n', optarg, 1, MAX_FLOWS); break;
    case 's': options.size = option_number('s', optarg, (long)sizeof(struct header), MAX_SIZE); break;
    case 'W': options.window = option_number('W', optarg, 1, 4096); break;
    case 'g': options.run = option_number('g', optarg, 1, MAX_RUN); break;
    case 't': options.seconds_ms = option_number('t', optarg, 1, 3600000); break;
    case 'w': options.warmup_ms = option_number('w', optarg, 0, 3600000); break;
    case 'P': options.pid = (int)option_number('P', optarg, 1, 1 << 22); break;
    default:
      fprintf(stderr, "usage: udp-load -p port -P server-pid [-n flows] [-s size] [-W window] [-g run] [-t ms] [-w warm-up ms]\n");
      exit(2);
    }
  }
  if (options.port == 0 || options.pid == 0) {
    fprintf(stderr, "udp-load: -p and -P are needed\n");
    exit(2);
  }
  if (options.run * options.size > MAX_SIZE || options.run > options.window) {
    fprintf(stderr, "udp-load: a run must fit into a datagram and into the window\n");
    exit(2);
  }
}

static void open_flow(struct flow *flow, const struct sockaddr_in *address) {
  int bytes = SOCKET_BUFFER;
  flow->fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (flow->fd < 0)
    die("socket");
  /* The answers of a whole window must fit here, or the load would lose what the server sent. */
  setsockopt(flow->fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes);
  setsockopt(flow->fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof bytes);
  int segment = (int)options.size, on = 1;
  if (options.run > 1 && (setsockopt(flow->fd, SOL_UDP, UDP_SEGMENT, &segment, sizeof segment) != 0 ||
                          setsockopt(flow->fd, SOL_UDP, UDP_GRO, &on, sizeof on) != 0))
    die("setsockopt");
  if (connect(flow->fd, (const struct sockaddr *)address, sizeof *address) != 0)
    die("connect");
}

static void prepare_batches(void) {
  for (int i = 0; i < BATCH; i++) {
    out_parts[i] = (struct iovec){payload, (size_t)(options.size * options.run)};
    in_parts[i] = (struct iovec){answers[i], options.run > 1 ? sizeof answers[i] : sizeof(struct header)};
    out[i].msg_hdr = (struct msghdr){.msg_iov = &out_parts[i], .msg_iovlen = 1};
    in[i].msg_hdr = (struct msghdr){.msg_iov = &in_parts[i], .msg_iovlen = 1};
  }
}

/* Refills the window once half of it is free; returns how many datagrams were sent. */
static int refill(long index, uint64_t now) {
  struct flow *flow = &flows[index];
  long room = options.window - flow->in_flight;
  if (room < (options.window + 1) / 2)
    return 0;
  struct header header = {.sent_ns = now, .flow = (uint32_t)index, .magic = MAGIC};
  /* One stamp serves the batch: all of it leaves in one call. */
  for (long i = 0; i < options.run; i++)
    memcpy(payload + i * options.size, &header, sizeof header);
  long messages = room / options.run;
  if (messages == 0)
    return 0;
  int count = sendmmsg(flow->fd, out, (unsigned)(messages > BATCH ? BATCH : messages), 0);
  if (count < 0) {
    if (errno != EAGAIN && errno != ENOBUFS)
      die("sendmmsg");
    return 0;
  }
  flow->in_flight += count * options.run;
  flow->moved_ns = now;
  sent += (uint64_t)(count * options.run);
  return count;
}

/* The size of the datagrams that a received message was joined from; its own where it was not. */
static unsigned segment_of(const struct mmsghdr *message) {
  const struct cmsghdr *control = CMSG_FIRSTHDR(&message->msg_hdr);
  int size = 0;
  if (control && control->cmsg_level == SOL_UDP && control->cmsg_type == UDP_GRO)
    memcpy(&size, CMSG_DATA(control), sizeof size);
  return size > 0 ? (unsigned)size : message->msg_len;
}

static int take_answers(long index, uint64_t now) {
  struct flow *flow = &flows[index];
  for (int i = 0; options.run > 1 && i < BATCH; i++) {
    in[i].msg_hdr.msg_control = controls[i];
    in[i].msg_hdr.msg_controllen = sizeof controls[i];
  }
  int count = recvmmsg(flow->fd, in, BATCH, MSG_TRUNC, NULL);
  if (count < 0) {
    if (errno != EAGAIN)
      die("recvmmsg");
    return 0;
  }
  for (int i = 0; i < count; i++) {
    unsigned segment = segment_of(&in[i]);
    errno = 0;
    if (segment != (unsigned)options.size || in[i].msg_len % segment != 0)
      die("an answer has not the size of what was sent");
    for (unsigned at = 0; at < in[i].msg_len; at += segment) {
      struct header header;
      memcpy(&header, answers[i] + at, sizeof header);
      if (header.magic != MAGIC || header.flow != (uint32_t)index)
        die("an answer is not an echo of what was sent");
      answered++;
      if (header.sent_ns < flow->reset_ns) {
        lost--; /* it was written off, but was only late */
        continue;
      }
      flow->in_flight--;
      histogram_add(&latencies, now > header.sent_ns ? now - header.sent_ns : 0);
    }
  }
  flow->moved_ns = now;
  return count;
}

static void write_off(struct flow *flow, uint64_t now) {
  lost += (uint64_t)flow->in_flight;
  flow->in_flight = 0;
  flow->reset_ns = now;
}

static void run_for(long ms) {
  uint64_t now = now_ns(), end = now + (uint64_t)ms * 1000000u, counted = answered, heard = now;
  while (now < end) {
    for (long i = 0; i < options.flows; i++) {
      int moved = refill(i, now);
      if (flows[i].in_flight > 0)
        moved += take_answers(i, now_ns());
      if (moved == 0 && flows[i].in_flight > 0 && now > flows[i].moved_ns + LOST_NS)
        write_off(&flows[i], now);
      uint64_t after = now_ns();
      if (moved > 0)
        busy_ns += after - now;
      now = after;
    }
    if (answered != counted) {
      counted = answered;
      heard = now;
    } else if (now - heard > SILENCE_NS) {
      errno = 0;
      die("the server stopped answering");
    }
  }
}

int main(int argc, char **argv) {
  static struct server server;
  read_options(argc, argv);
  flows = calloc((size_t)options.flows, sizeof *flows);
  if (!flows)
    die("start");
  memset(payload, 'x', sizeof payload);
  prepare_batches();
  struct sockaddr_in address = loopback(options.port);
  for (long i = 0; i < options.flows; i++)
    open_flow(&flows[i], &address);

  run_for(options.warmup_ms);
  find_server(&server, options.pid);
  memset(&latencies, 0, sizeof latencies);
  answered = sent = lost = busy_ns = 0;
  struct cost server_before = server_cost(&server), own_before = own_cost();
  uint64_t began = now_ns();
  run_for(options.seconds_ms);
  uint64_t ended = now_ns();
  struct cost server_after = server_cost(&server), own_after = own_cost();

  errno = 0;
  if (answered == 0)
    die("no datagram was answered within the window");
  /* What arrived late but was written off before the window began would make the count negative. */
  long long lost_count = (long long)lost < 0 ? 0 : (long long)lost;
  printf("{\"requests\":%llu,\"windowNs\":%.0f,\"serverCpuNs\":%llu,\"serverWaitNs\":%llu,\"loadBusyNs\":%llu,"
         "\"loadWaitNs\":%llu,\"p50Us\":%.1f,\"p99Us\":%.1f,\"p999Us\":%.1f,\"sent\":%llu,\"lost\":%lld}\n",
         (unsigned long long)answered, (double)(ended - began),
         (unsigned long long)(server_after.cpu_ns - server_before.cpu_ns),
         (unsigned long long)(server_after.wait_ns - server_before.wait_ns), (unsigned long long)busy_ns,
         (unsigned long long)(own_after.wait_ns - own_before.wait_ns), histogram_micros(&latencies, 0.5),
         histogram_micros(&latencies, 0.99), histogram_micros(&latencies, 0.999), (unsigned long long)sent, lost_count);
  return 0;
}
