/*
 * c-uring-echo PORT: the C server that io_uring figures are held against.
 *
 * One thread, one ring, the kernel's interface as it is (no liburing): multishot accept, multishot recv into provided
 * buffers, sends straight out of the received buffer that are tried at once (MSG_DONTWAIT), and one io_uring_enter per
 * pass that hands over and waits. What the peer does not take is copied and sent by a request that waits; a peer for which
 * more than MAX_QUEUED_BYTES wait is dropped. Prints "listening PORT".
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <linux/io_uring.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef IORING_SETUP_NO_SQARRAY /* Linux 6.6; Debian 12 has older headers */
#define IORING_SETUP_NO_SQARRAY (1U << 16)
#endif

#define BACKLOG 4096
#define MAX_DESCRIPTORS 65536
#define SUBMISSIONS 4096
#define COMPLETIONS 32768
#define BUFFERS 256
#define BUFFER_BYTES 16384
#define MAX_QUEUED_BYTES (4u << 20)
#define TRY_FLAGS (MSG_NOSIGNAL | MSG_DONTWAIT | MSG_WAITALL)
#define WAIT_FLAGS (MSG_NOSIGNAL | MSG_WAITALL)

enum operation { ACCEPT, RECEIVE, TRY, WAIT, CLOSE };

/* Bytes that a peer has not taken. The first block of a list is the one under way, so blocks never move. */
struct block {
  struct block *next;
  size_t start, end;
  char bytes[];
};

struct connection {
  struct block *first, *last;
  size_t queued;
  const char *tried; /* the send of the last pass, straight out of a received buffer */
  size_t tried_bytes;
};

static struct connection connections[MAX_DESCRIPTORS];
static struct io_uring_sqe *entries;
static struct io_uring_cqe *completions;
static unsigned *submission_tail, *completion_head, *completion_tail, submission_mask, completion_mask;
static unsigned tail, pending, enter_flags = IORING_ENTER_GETEVENTS;
static int ring, enter_descriptor, listener;
static struct io_uring_buf_ring *buffer_ring;
static char *buffers;
static uint16_t buffer_tail, taken[COMPLETIONS];
static unsigned taken_now, taken_before;

static void fail(const char *what) {
  perror(what);
  exit(1);
}

static void *map(size_t bytes, int fd, off_t offset) {
  int flags = fd < 0 ? MAP_PRIVATE | MAP_ANONYMOUS : MAP_SHARED | MAP_POPULATE;
  void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, flags, fd, offset);
  if (memory == MAP_FAILED)
    fail("mmap");
  return memory;
}

static void enter(unsigned wanted) {
  __atomic_store_n(submission_tail, tail, __ATOMIC_RELEASE);
  unsigned count = pending;
  pending = 0;
  if (syscall(SYS_io_uring_enter, enter_descriptor, count, wanted, enter_flags, NULL, 0) < 0 && errno != EINTR)
    fail("io_uring_enter");
}

static struct io_uring_sqe *request(enum operation operation, int opcode, int fd) {
  if (pending == SUBMISSIONS)
    enter(0);
  struct io_uring_sqe *entry = &entries[tail++ & submission_mask];
  pending++;
  memset(entry, 0, sizeof *entry);
  entry->opcode = (uint8_t)opcode;
  entry->fd = fd;
  entry->user_data = (uint64_t)operation << 32 | (uint32_t)fd;
  return entry;
}

static void accept_on(void) {
  struct io_uring_sqe *entry = request(ACCEPT, IORING_OP_ACCEPT, listener);
  entry->ioprio = IORING_ACCEPT_MULTISHOT;
  entry->accept_flags = SOCK_CLOEXEC;
}

static void receive_on(int fd) {
  struct io_uring_sqe *entry = request(RECEIVE, IORING_OP_RECV, fd);
  entry->ioprio = IORING_RECV_MULTISHOT | IORING_RECVSEND_POLL_FIRST;
  entry->flags = IOSQE_BUFFER_SELECT;
}

static void send_bytes(enum operation operation, int fd, const char *bytes, size_t length, int flags) {
  struct io_uring_sqe *entry = request(operation, IORING_OP_SEND, fd);
  entry->addr = (uintptr_t)bytes;
  entry->len = (uint32_t)length;
  entry->msg_flags = (uint32_t)flags;
}

static void drop(int fd) {
  struct connection *connection = &connections[fd];
  for (struct block *block = connection->first, *next; block; block = next) {
    next = block->next;
    free(block);
  }
  memset(connection, 0, sizeof *connection);
  request(CLOSE, IORING_OP_CLOSE, fd);
}

static void queue(int fd, const char *bytes, size_t length) {
  struct connection *connection = &connections[fd];
  if (connection->queued + length > MAX_QUEUED_BYTES) {
    shutdown(fd, SHUT_RDWR); /* ends what the kernel still has of it; the end that it then receives drops it */
    return;
  }
  struct block *block = malloc(sizeof *block + length);
  if (!block)
    fail("malloc");
  *block = (struct block){.end = length};
  memcpy(block->bytes, bytes, length);
  if (connection->first)
    connection->last->next = block;
  else
    connection->first = block;
  connection->last = block;
  connection->queued += length;
}

static void send_first(int fd) {
  struct block *block = connections[fd].first;
  send_bytes(WAIT, fd, block->bytes + block->start, block->end - block->start, WAIT_FLAGS);
}

static void received(int fd, const struct io_uring_cqe *completion) {
  struct connection *connection = &connections[fd];
  if (completion->flags & IORING_CQE_F_BUFFER) {
    uint16_t id = (uint16_t)(completion->flags >> IORING_CQE_BUFFER_SHIFT);
    const char *bytes = buffers + (size_t)id * BUFFER_BYTES;
    taken[taken_now++] = id;
    if (connection->first || connection->tried) {
      queue(fd, bytes, (size_t)completion->res);
    } else {
      connection->tried = bytes;
      connection->tried_bytes = (size_t)completion->res;
      send_bytes(TRY, fd, bytes, connection->tried_bytes, TRY_FLAGS);
    }
  }
  if (completion->flags & IORING_CQE_F_MORE)
    return;
  if (completion->res > 0 || completion->res == -ENOBUFS)
    receive_on(fd);
  else
    drop(fd);
}

static void tried(int fd, int result) {
  struct connection *connection = &connections[fd];
  if (!connection->tried)
    return; /* dropped meanwhile */
  size_t sent = result > 0 ? (size_t)result : 0;
  struct block *later = connection->first;
  const char *rest = connection->tried + sent;
  size_t length = connection->tried_bytes - sent;
  connection->tried = NULL;
  if (result < 0 && result != -EAGAIN)
    return; /* the receive tells of it too, and drops it */
  if (length > 0) {
    connection->first = NULL;
    queue(fd, rest, length);
    if (connection->first)
      connection->first->next = later;
    if (!later)
      connection->last = connection->first;
  }
  if (connection->first)
    send_first(fd);
}

static void waited(int fd, int result) {
  struct connection *connection = &connections[fd];
  struct block *block = connection->first;
  if (!block || result <= 0)
    return;
  block->start += (size_t)result;
  connection->queued -= (size_t)result;
  if (block->start == block->end) {
    connection->first = block->next;
    free(block);
  }
  if (connection->first)
    send_first(fd);
}

static void complete(const struct io_uring_cqe *completion) {
  int fd = (int)(uint32_t)completion->user_data, result = completion->res;
  switch ((enum operation)(completion->user_data >> 32)) {
  case ACCEPT:
    if (result >= MAX_DESCRIPTORS)
      close(result);
    else if (result >= 0)
      receive_on(result);
    if (!(completion->flags & IORING_CQE_F_MORE))
      accept_on();
    break;
  case RECEIVE: received(fd, completion); break;
  case TRY: tried(fd, result); break;
  case WAIT: waited(fd, result); break;
  case CLOSE: break;
  }
}

static void offer(uint16_t id) {
  struct io_uring_buf *buffer = &buffer_ring->bufs[buffer_tail++ & (BUFFERS - 1)];
  buffer->addr = (uintptr_t)buffers + (uintptr_t)id * BUFFER_BYTES;
  buffer->len = BUFFER_BYTES;
  buffer->bid = id;
}

/* Gives back the buffers of the pass before: what was sent out of them has left with the enter in between. */
static void recycle(void) {
  for (unsigned i = 0; i < taken_before; i++)
    offer(taken[i]);
  __atomic_store_n(&buffer_ring->tail, buffer_tail, __ATOMIC_RELEASE);
  memmove(taken, taken + taken_before, (taken_now - taken_before) * sizeof *taken);
  taken_before = taken_now -= taken_before;
}

static void make_ring(void) {
  struct io_uring_params params = {.cq_entries = COMPLETIONS};
  params.flags = IORING_SETUP_CQSIZE | IORING_SETUP_SUBMIT_ALL | IORING_SETUP_SINGLE_ISSUER |
                 IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_NO_SQARRAY;
  ring = (int)syscall(SYS_io_uring_setup, SUBMISSIONS, &params);
  if (ring < 0)
    fail("io_uring_setup");
  char *rings = map(params.cq_off.cqes + params.cq_entries * sizeof *completions, ring, 0);
  entries = map(params.sq_entries * sizeof *entries, ring, IORING_OFF_SQES);
  submission_tail = (unsigned *)(rings + params.sq_off.tail);
  submission_mask = *(unsigned *)(rings + params.sq_off.ring_mask);
  completion_head = (unsigned *)(rings + params.cq_off.head);
  completion_tail = (unsigned *)(rings + params.cq_off.tail);
  completion_mask = *(unsigned *)(rings + params.cq_off.ring_mask);
  completions = (struct io_uring_cqe *)(rings + params.cq_off.cqes);
  tail = *submission_tail;
  struct io_uring_rsrc_update update = {.offset = ~0u, .data = (uint64_t)ring};
  enter_descriptor = ring;
  if (syscall(SYS_io_uring_register, ring, IORING_REGISTER_RING_FDS, &update, 1) == 1) {
    enter_descriptor = (int)update.offset;
    enter_flags |= IORING_ENTER_REGISTERED_RING;
  }
  buffer_ring = map(BUFFERS * sizeof(struct io_uring_buf), -1, 0);
  buffers = map((size_t)BUFFERS * BUFFER_BYTES, -1, 0);
  struct io_uring_buf_reg registration = {.ring_addr = (uintptr_t)buffer_ring, .ring_entries = BUFFERS};
  if (syscall(SYS_io_uring_register, ring, IORING_REGISTER_PBUF_RING, &registration, 1) != 0)
    fail("io_uring_register");
  for (uint16_t id = 0; id < BUFFERS; id++)
    offer(id);
  __atomic_store_n(&buffer_ring->tail, buffer_tail, __ATOMIC_RELEASE);
}

static void listen_on(int port) {
  int one = 1;
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
  socklen_t length = sizeof address;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (listener < 0)
    fail("socket");
  /* Accepted sockets inherit TCP_NODELAY from the listener, which saves a call each. */
  if (setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) != 0 ||
      setsockopt(listener, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one) != 0)
    fail("setsockopt");
  if (bind(listener, (struct sockaddr *)&address, sizeof address) != 0)
    fail("bind");
  if (listen(listener, BACKLOG) != 0 || getsockname(listener, (struct sockaddr *)&address, &length) != 0)
    fail("listen");
  printf("listening %d\n", ntohs(address.sin_port));
  fflush(stdout);
}

int main(int argc, char **argv) {
  make_ring();
  listen_on(argc > 1 ? atoi(argv[1]) : 0);
  accept_on();
  for (;;) {
    enter(1);
    unsigned head = *completion_head, end = __atomic_load_n(completion_tail, __ATOMIC_ACQUIRE);
    for (; head != end; head++)
      complete(&completions[head & completion_mask]);
    __atomic_store_n(completion_head, head, __ATOMIC_RELEASE);
    recycle();
  }
}
