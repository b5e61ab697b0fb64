#define _GNU_SOURCE
#include "measure.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

void die(const char *text) {
  if (errno != 0)
    fprintf(stderr, "%s: %s: %s\n", program_invocation_short_name, text, strerror(errno));
  else
    fprintf(stderr, "%s: %s\n", program_invocation_short_name, text);
  exit(1);
}

uint64_t now_ns(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

long option_number(char option, const char *text, long low, long high) {
  char *end;
  errno = 0;
  long value = strtol(text, &end, 10);
  if (errno != 0 || end == text || *end != 0 || value < low || value > high) {
    fprintf(stderr, "%s: -%c takes a number from %ld to %ld, not '%s'\n", program_invocation_short_name, option, low,
            high, text);
    exit(2);
  }
  return value;
}

struct sockaddr_in loopback(int port) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

/* The parent of a process from /proc/PID/stat; its name may hold spaces and brackets, so the last bracket counts. */
static int parent_of(int pid) {
  char path[64], text[512];
  snprintf(path, sizeof path, "/proc/%d/stat", pid);
  FILE *file = fopen(path, "r");
  if (!file)
    return -1;
  size_t length = fread(text, 1, sizeof text - 1, file);
  fclose(file);
  text[length] = 0;
  char *bracket = strrchr(text, ')');
  int parent = -1;
  if (!bracket || sscanf(bracket + 1, " %*c %d", &parent) != 1)
    return -1;
  return parent;
}

void find_server(struct server *server, int pid) {
  static int pids[65536], parents[65536];
  int known = 0;
  DIR *proc = opendir("/proc");
  if (!proc)
    die("/proc");
  for (struct dirent *entry; (entry = readdir(proc)) && known < 65536;) {
    int each = atoi(entry->d_name);
    if (each <= 0)
      continue;
    pids[known] = each;
    parents[known++] = parent_of(each);
  }
  closedir(proc);
  server->pids[0] = pid;
  server->count = 1;
  /* Each process found is asked for its own children in turn, so the list is its own queue. */
  for (int i = 0; i < server->count; i++)
    for (int k = 0; k < known && server->count < MAX_PROCESSES; k++)
      if (parents[k] == server->pids[i])
        server->pids[server->count++] = pids[k];
}

/*
 * The clock is preferred to the first field of schedstat: it holds the same sum, but up to this instant rather than to
 * the last tick, and with the threads that have ended.
 */
static uint64_t process_cpu_ns(int pid) {
  clockid_t clock;
  struct timespec t;
  if (clock_getcpuclockid(pid, &clock) != 0 || clock_gettime(clock, &t) != 0)
    return 0;
  return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* The second field of schedstat, run_delay, summed over the threads: how long others held the core. */
static uint64_t process_wait_ns(int pid) {
  char path[320];
  snprintf(path, sizeof path, "/proc/%d/task", pid);
  DIR *tasks = opendir(path);
  if (!tasks)
    return 0;
  uint64_t sum = 0;
  for (struct dirent *entry; (entry = readdir(tasks));) {
    if (entry->d_name[0] == '.')
      continue;
    snprintf(path, sizeof path, "/proc/%d/task/%s/schedstat", pid, entry->d_name);
    FILE *file = fopen(path, "r");
    if (!file)
      continue;
    unsigned long long ran, waited;
    if (fscanf(file, "%llu %llu", &ran, &waited) == 2)
      sum += waited;
    fclose(file);
  }
  closedir(tasks);
  return sum;
}

struct cost server_cost(const struct server *server) {
  struct cost sum = {0, 0};
  for (int i = 0; i < server->count; i++) {
    sum.cpu_ns += process_cpu_ns(server->pids[i]);
    sum.wait_ns += process_wait_ns(server->pids[i]);
  }
  return sum;
}

struct cost own_cost(void) {
  struct server self = {.count = 1, .pids = {getpid()}};
  return server_cost(&self);
}

void histogram_add(struct histogram *histogram, uint64_t ns) {
  unsigned power = 63u - (unsigned)__builtin_clzll(ns | 1);
  unsigned step = 0;
  if (power >= HISTOGRAM_SUB_BITS)
    step = (unsigned)(ns >> (power - HISTOGRAM_SUB_BITS)) & ((1u << HISTOGRAM_SUB_BITS) - 1);
  histogram->counts[(power << HISTOGRAM_SUB_BITS) + step]++;
  histogram->total++;
}

double histogram_micros(const struct histogram *histogram, double share) {
  uint64_t wanted = (uint64_t)((double)histogram->total * share), seen = 0;
  for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++) {
    seen += histogram->counts[i];
    if (seen <= wanted)
      continue;
    unsigned power = i >> HISTOGRAM_SUB_BITS, step = i & ((1u << HISTOGRAM_SUB_BITS) - 1);
    double unit = power >= HISTOGRAM_SUB_BITS ? (double)(1ull << (power - HISTOGRAM_SUB_BITS)) : 0;
    /* The middle of the bucket. */
    double ns = unit > 0 ? ((double)(1u << HISTOGRAM_SUB_BITS) + step + 0.5) * unit : (double)(1ull << power);
    return ns / 1000;
  }
  return 0;
}
