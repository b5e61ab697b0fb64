/*
 * idle: opens N connections and holds them, so that a server can be looked at from outside, or measured beside them.
 *
 * It obeys lines on standard input and answers each with one line: "connect N" opens N more connections, "echo" sends
 * 64 bytes on each and waits for them to come back, "drip N" begins to send N single bytes a second, each on the next
 * connection, and reads no answers any more. End of input resets all connections and ends the process.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "measure.h"

#define MAX_CONNECTIONS 60000
#define MESSAGE_BYTES 64
#define MAX_DRIPS 100000
#define DRIP_MS 5

static int fds[MAX_CONNECTIONS];
static long held;

static void connect_one(const struct sockaddr_in *address) {
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  struct linger reset = {.l_onoff = 1, .l_linger = 0};
  struct timeval patience = {.tv_sec = 10};
  if (fd < 0)
    die("socket");
  if (setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset) != 0 ||
      setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience) != 0)
    die("setsockopt");
  if (connect(fd, (const struct sockaddr *)address, sizeof *address) != 0)
    die("connect");
  fds[held++] = fd;
}

static void echo_one(int fd) {
  char sent[MESSAGE_BYTES], received[MESSAGE_BYTES];
  memset(sent, 'i', sizeof sent);
  if (send(fd, sent, sizeof sent, MSG_NOSIGNAL) != MESSAGE_BYTES)
    die("send");
  ssize_t got = recv(fd, received, sizeof received, MSG_WAITALL);
  if (got < 0)
    die("no echo");
  errno = 0;
  if (got != MESSAGE_BYTES || memcmp(sent, received, sizeof sent) != 0)
    die("the server did not echo what was sent");
}

/* Sends what is due, until there is a line to be read. */
static void drip_until_line(long per_second) {
  static uint64_t began, sent;
  struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN};
  if (began == 0)
    began = now_ns();
  while (poll(&input, 1, DRIP_MS) == 0)
    for (uint64_t due = (now_ns() - began) * (uint64_t)per_second / 1000000000; sent < due; sent++)
      if (send(fds[sent % (uint64_t)held], "s", 1, MSG_NOSIGNAL | MSG_DONTWAIT) != 1)
        die("a slow connection is lost");
}

int main(int argc, char **argv) {
  char line[64];
  int port = 0;
  long drips = 0;
  for (int option; (option = getopt(argc, argv, "p:")) != -1;)
    if (option == 'p')
      port = (int)option_number('p', optarg, 1, 65535);
  if (port == 0) {
    fprintf(stderr, "usage: idle -p port\n");
    return 2;
  }
  struct sockaddr_in address = loopback(port);
  for (;;) {
    if (drips > 0)
      drip_until_line(drips);
    if (!fgets(line, sizeof line, stdin))
      break;
    line[strcspn(line, "\n")] = 0;
    if (strncmp(line, "connect ", 8) == 0) {
      long count = option_number('N', line + 8, 1, MAX_CONNECTIONS - held);
      for (long i = 0; i < count; i++)
        connect_one(&address);
    } else if (strncmp(line, "drip ", 5) == 0 && held > 0) {
      drips = option_number('N', line + 5, 1, MAX_DRIPS);
    } else if (strcmp(line, "echo") == 0 && drips == 0) {
      for (long i = 0; i < held; i++)
        echo_one(fds[i]);
    } else {
      fprintf(stderr, "idle: what is '%s'?\n", line);
      return 2;
    }
    printf("%s done\n", line);
    fflush(stdout);
  }
  return 0;
}
