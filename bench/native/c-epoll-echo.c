/*
 * c-epoll-echo PORT: the C server that all TCP figures are held against.
 *
 * One thread, level-triggered epoll, one recv and one send per readiness. What the socket does not take is copied to a
 * queue, and nothing more is read from that connection until the queue is empty, so a client that never reads costs
 * one buffer at most. Prints "listening PORT".
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define BACKLOG 4096
#define MAX_DESCRIPTORS 65536
#define MAX_EVENTS 1024
#define RECEIVE_BYTES (256 * 1024) /* one buffer for all connections: an echo is sent before the next recv */

struct queue {
  size_t start, end;
  char bytes[];
};

static struct queue *queues[MAX_DESCRIPTORS]; /* by descriptor; touched, and so paid for, only where there is one */
static char buffer[RECEIVE_BYTES];
static int poller;

static void fail(const char *what) {
  perror(what);
  exit(1);
}

static void watch(int fd, int operation, uint32_t events) {
  struct epoll_event event = {.events = events, .data.fd = fd};
  if (epoll_ctl(poller, operation, fd, &event) != 0)
    fail("epoll_ctl");
}

static void drop(int fd) {
  free(queues[fd]);
  queues[fd] = NULL;
  close(fd); /* also takes it out of the epoll set */
}

static int listen_on(int port) {
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), one = 1;
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
  socklen_t length = sizeof address;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (fd < 0)
    fail("socket");
  /* Accepted sockets inherit TCP_NODELAY from the listener, which saves a call each. */
  if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) != 0 ||
      setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one) != 0)
    fail("setsockopt");
  if (bind(fd, (struct sockaddr *)&address, sizeof address) != 0)
    fail("bind");
  if (listen(fd, BACKLOG) != 0 || getsockname(fd, (struct sockaddr *)&address, &length) != 0)
    fail("listen");
  printf("listening %d\n", ntohs(address.sin_port));
  fflush(stdout);
  return fd;
}

static void accept_all(int listener) {
  int fd;
  while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
    if (fd >= MAX_DESCRIPTORS)
      close(fd);
    else
      watch(fd, EPOLL_CTL_ADD, EPOLLIN);
  }
  if (errno != EAGAIN && errno != ECONNABORTED && errno != EINTR)
    fail("accept4");
}

static void flush_queue(int fd) {
  struct queue *queue = queues[fd];
  ssize_t sent = send(fd, queue->bytes + queue->start, queue->end - queue->start, MSG_NOSIGNAL);
  if (sent < 0) {
    if (errno != EAGAIN)
      drop(fd);
    return;
  }
  queue->start += (size_t)sent;
  if (queue->start < queue->end)
    return;
  free(queue);
  queues[fd] = NULL;
  watch(fd, EPOLL_CTL_MOD, EPOLLIN);
}

static void echo(int fd) {
  ssize_t received = recv(fd, buffer, sizeof buffer, 0);
  if (received <= 0) {
    if (received == 0 || errno != EAGAIN)
      drop(fd);
    return;
  }
  ssize_t sent = send(fd, buffer, (size_t)received, MSG_NOSIGNAL);
  if (sent == received)
    return;
  if (sent < 0) {
    if (errno != EAGAIN) {
      drop(fd);
      return;
    }
    sent = 0;
  }
  size_t rest = (size_t)(received - sent);
  struct queue *queue = malloc(sizeof *queue + rest);
  if (!queue)
    fail("malloc");
  queue->start = 0;
  queue->end = rest;
  memcpy(queue->bytes, buffer + sent, rest);
  queues[fd] = queue;
  watch(fd, EPOLL_CTL_MOD, EPOLLOUT);
}

int main(int argc, char **argv) {
  struct epoll_event events[MAX_EVENTS];
  poller = epoll_create1(EPOLL_CLOEXEC);
  if (poller < 0)
    fail("epoll_create1");
  int listener = listen_on(argc > 1 ? atoi(argv[1]) : 0);
  watch(listener, EPOLL_CTL_ADD, EPOLLIN);
  for (;;) {
    int ready = epoll_wait(poller, events, MAX_EVENTS, -1);
    for (int i = 0; i < ready; i++) {
      int fd = events[i].data.fd;
      if (fd == listener)
        accept_all(listener);
      else if (queues[fd])
        flush_queue(fd);
      else
        echo(fd);
    }
  }
}
