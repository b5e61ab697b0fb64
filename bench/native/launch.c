/*
 * launch CORES NOFILE PROGRAM [ARGUMENT...]
 *
 * Becomes PROGRAM (exec, so the pid is that of the caller's child) with three things set first: the cores that it may
 * run on ("0", "0,2", or "any"), its limit of open files, and a death signal, so that nothing outlives the bench even
 * if the bench is killed. One small program instead of taskset, prlimit and setpriv, which not every system has.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

static void fail(const char *what) {
  fprintf(stderr, "launch: %s: %s\n", what, strerror(errno));
  exit(126);
}

static void pin(const char *cores) {
  cpu_set_t set;
  CPU_ZERO(&set);
  for (const char *at = cores; *at;) {
    char *end;
    long core = strtol(at, &end, 10);
    if (end == at || core < 0 || core >= CPU_SETSIZE || (*end != 0 && *end != ',')) {
      errno = EINVAL;
      fail(cores);
    }
    CPU_SET((int)core, &set);
    at = *end == ',' ? end + 1 : end;
  }
  if (sched_setaffinity(0, sizeof set, &set) != 0)
    fail("sched_setaffinity");
}

static void raise_open_files(rlim_t wanted) {
  struct rlimit limit;
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
    fail("getrlimit");
  /* Raising the soft limit is always allowed; the hard one is raised only if need be, and that wants a privilege. */
  limit.rlim_cur = wanted;
  if (limit.rlim_max < wanted)
    limit.rlim_max = wanted;
  if (setrlimit(RLIMIT_NOFILE, &limit) != 0)
    fail("setrlimit RLIMIT_NOFILE (the hard limit is lower: raise it with ulimit -Hn)");
}

int main(int argc, char **argv) {
  if (argc < 4) {
    fprintf(stderr, "usage: launch CORES NOFILE PROGRAM [ARGUMENT...]\n");
    return 2;
  }
  if (strcmp(argv[1], "any") != 0)
    pin(argv[1]);
  raise_open_files((rlim_t)strtoul(argv[2], NULL, 10));
  if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0)
    fail("prctl");
  execvp(argv[3], argv + 3);
  fail(argv[3]);
}
