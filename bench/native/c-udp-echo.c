/*
 * c-udp-echo PORT: the plain C server that UDP figures are held against: one blocking recvfrom and one sendto per
 * datagram, buffers as the system gives them. Prints "listening PORT".
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

static void fail(const char *what) {
  perror(what);
  exit(1);
}

int main(int argc, char **argv) {
  static char buffer[65536];
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)(argc > 1 ? atoi(argv[1]) : 0))};
  socklen_t length = sizeof address;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0)
    fail("socket");
  if (bind(fd, (struct sockaddr *)&address, sizeof address) != 0)
    fail("bind");
  if (getsockname(fd, (struct sockaddr *)&address, &length) != 0)
    fail("getsockname");
  printf("listening %d\n", ntohs(address.sin_port));
  fflush(stdout);
  for (;;) {
    struct sockaddr_storage peer;
    socklen_t peer_length = sizeof peer;
    ssize_t received = recvfrom(fd, buffer, sizeof buffer, 0, (struct sockaddr *)&peer, &peer_length);
    /* A refused port of an earlier peer is reported here; it is no reason to stop. */
    if (received >= 0)
      sendto(fd, buffer, (size_t)received, 0, (struct sockaddr *)&peer, peer_length);
  }
}
