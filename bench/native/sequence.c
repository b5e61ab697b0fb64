/*
 * sequence -p PORT -t MS -w MS
 *
 * One connection after the other to 127.0.0.1: connect, read to the end, close. Prints one line of JSON about those that
 * ended after the warm-up. What is not answered by a line is an error.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { MOST = 1 << 20 };

static void fail(const char *what) {
  fprintf(stderr, "sequence: %s: %s\n", what, strerror(errno));
  exit(1);
}

static long long now_ns(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1000000000LL + now.tv_nsec;
}

static void converse(const struct sockaddr_in *server) {
  char answer[256];
  size_t length = 0;
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0)
    fail("socket");
  if (connect(fd, (const struct sockaddr *)server, sizeof *server) != 0)
    fail("connect");
  for (;;) {
    ssize_t count = read(fd, answer + length, sizeof answer - length);
    if (count < 0)
      fail("read");
    if (count == 0)
      break;
    length += (size_t)count;
  }
  close(fd);
  if (length == 0 || answer[length - 1] != '\n') {
    errno = EPROTO;
    fail("a connection without an answer");
  }
}

static int compare(const void *a, const void *b) {
  unsigned x = *(const unsigned *)a, y = *(const unsigned *)b;
  return (x > y) - (x < y);
}

int main(int argc, char **argv) {
  long port = 0, measured_ms = 0, warmup_ms = 0;
  for (int option; (option = getopt(argc, argv, "p:t:w:")) != -1;) {
    long value = optarg ? strtol(optarg, NULL, 10) : 0;
    if (option == 'p')
      port = value;
    else if (option == 't')
      measured_ms = value;
    else if (option == 'w')
      warmup_ms = value;
    else
      return 2;
  }
  struct sockaddr_in server = {.sin_family = AF_INET, .sin_port = htons((unsigned short)port)};
  server.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  unsigned *micros = malloc(MOST * sizeof *micros);
  if (micros == NULL)
    fail("malloc");
  for (long long until = now_ns() + warmup_ms * 1000000LL; now_ns() < until;)
    converse(&server);
  size_t count = 0;
  long long start = now_ns(), until = start + measured_ms * 1000000LL, at = start;
  while (at < until && count < MOST) {
    converse(&server);
    long long end = now_ns();
    micros[count++] = (unsigned)((end - at) / 1000);
    at = end;
  }
  qsort(micros, count, sizeof *micros, compare);
  printf("{\"connections\":%zu,\"windowNs\":%lld,\"p50Us\":%u,\"p99Us\":%u}\n", count, at - start, micros[count / 2],
         micros[count * 99 / 100]);
  return 0;
}
