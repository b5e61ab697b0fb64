/*
 * c-udp-runs PORT: the C server that figures of UDP in runs are held against: recvmmsg takes runs that the kernel has
 * joined (UDP_GRO, udp(7)), sendmmsg gives each back to be cut into the same datagrams (UDP_SEGMENT). Prints "listening
 * PORT".
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define BATCH 64

static char buffers[BATCH][65536];
static struct sockaddr_in peers[BATCH];
static union {
  char bytes[CMSG_SPACE(sizeof(int))];
  struct cmsghdr align;
} controls[BATCH];
static struct iovec parts[BATCH];
static struct mmsghdr messages[BATCH];

static void fail(const char *what) {
  perror(what);
  exit(1);
}

/* Makes of the size of the segments that were joined the wish to have the answer cut so. */
static void answer(struct mmsghdr *message, struct iovec *part) {
  struct cmsghdr *control = CMSG_FIRSTHDR(&message->msg_hdr);
  int size = 0;
  part->iov_len = message->msg_len;
  if (control && control->cmsg_level == SOL_UDP && control->cmsg_type == UDP_GRO)
    memcpy(&size, CMSG_DATA(control), sizeof size);
  if (size == 0 || (unsigned)size >= message->msg_len) {
    message->msg_hdr.msg_control = NULL;
    message->msg_hdr.msg_controllen = 0;
    return;
  }
  uint16_t segment = (uint16_t)size;
  control->cmsg_type = UDP_SEGMENT;
  control->cmsg_len = CMSG_LEN(sizeof segment);
  memcpy(CMSG_DATA(control), &segment, sizeof segment);
  message->msg_hdr.msg_controllen = CMSG_SPACE(sizeof segment);
}

int main(int argc, char **argv) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)(argc > 1 ? atoi(argv[1]) : 0))};
  socklen_t length = sizeof address;
  int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), on = 1;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (fd < 0)
    fail("socket");
  if (setsockopt(fd, SOL_UDP, UDP_GRO, &on, sizeof on) != 0)
    fail("setsockopt");
  if (bind(fd, (struct sockaddr *)&address, sizeof address) != 0)
    fail("bind");
  if (getsockname(fd, (struct sockaddr *)&address, &length) != 0)
    fail("getsockname");
  printf("listening %d\n", ntohs(address.sin_port));
  fflush(stdout);
  for (;;) {
    for (int i = 0; i < BATCH; i++) {
      parts[i] = (struct iovec){buffers[i], sizeof buffers[i]};
      messages[i].msg_hdr = (struct msghdr){.msg_name = &peers[i],
                                            .msg_namelen = sizeof peers[i],
                                            .msg_iov = &parts[i],
                                            .msg_iovlen = 1,
                                            .msg_control = &controls[i],
                                            .msg_controllen = sizeof controls[i]};
    }
    int count = recvmmsg(fd, messages, BATCH, MSG_WAITFORONE, NULL);
    /* A refused port of an earlier peer is reported here; it is no reason to stop. */
    if (count < 0)
      continue;
    for (int i = 0; i < count; i++)
      answer(&messages[i], &parts[i]);
    for (int done = 0, sent; done < count; done += sent > 0 ? sent : 1)
      sent = sendmmsg(fd, messages + done, (unsigned)(count - done), 0);
  }
}
