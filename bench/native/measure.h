/* What the load generators share: the clock, the cost of the server, and a histogram of latencies. */
#ifndef PORTOLAN_BENCH_MEASURE_H
#define PORTOLAN_BENCH_MEASURE_H

#include <netinet/in.h>
#include <stdint.h>

/* CPU consumed, and time spent runnable but without a core, both in nanoseconds. */
struct cost {
  uint64_t cpu_ns;
  uint64_t wait_ns;
};

#define HISTOGRAM_SUB_BITS 5 /* 32 steps per power of two: an error of at most 3 % */
#define HISTOGRAM_BUCKETS (64 << HISTOGRAM_SUB_BITS)

struct histogram {
  uint64_t total;
  uint32_t counts[HISTOGRAM_BUCKETS];
};

#define MAX_PROCESSES 4096 /* processes of one server that are looked at */

/* The processes of one server: the one that was started, and those that it started. */
struct server {
  int count;
  int pids[MAX_PROCESSES];
};

/* Prints "NAME: text: strerror" and ends the process; errno 0 leaves the last part out. */
void die(const char *text) __attribute__((noreturn));

/* CLOCK_MONOTONIC in nanoseconds; the vDSO answers without entering the kernel. */
uint64_t now_ns(void);

/* A decimal option between the bounds, or the end of the process with a message that names the option. */
long option_number(char option, const char *text, long low, long high);

/* 127.0.0.1 with this port: the bench never leaves loopback. */
struct sockaddr_in loopback(int port);

/* Lists pid and its descendants by one pass over /proc. Slow (milliseconds): call it outside the window. */
void find_server(struct server *server, int pid);

/*
 * Sums the cost of all processes, all threads of each. The CPU time is the kernel's sum_exec_runtime, user and system
 * together, with the soft interrupts that ran on these threads' backs where the kernel charges them so.
 */
struct cost server_cost(const struct server *server);

/* The same for the calling process. */
struct cost own_cost(void);

void histogram_add(struct histogram *histogram, uint64_t ns);

/* The latency, in microseconds, below which the share (0 to 1) of the samples lies. */
double histogram_micros(const struct histogram *histogram, double share);

#endif
