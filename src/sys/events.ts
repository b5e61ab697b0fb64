/** Waiting and time: select, poll, epoll, eventfd, timerfd, clocks. Each returns the call's result, or `-errno`. */
import { bindAll, errno, type Memory } from "./ffi.ts";
import { eventTable } from "./table.ts";

const native = bindAll(eventTable);
const result = (value: number): number => (value < 0 ? -errno() : value);

/** `time` receives a struct timespec. clock_gettime(2) */
export function clock_gettime(clock: number, time: Memory): number {
  return result(native.clock_gettime(clock, time));
}

/** epoll_create1(2) */
export function epoll_create1(flags: number): number {
  return result(native.epoll_create1(flags));
}

/** `event` is one struct epoll_event, or null to remove. epoll_ctl(2) */
export function epoll_ctl(epfd: number, operation: number, fd: number, event: Memory): number {
  return result(native.epoll_ctl(epfd, operation, fd, event));
}

/** {@link epoll_ctl} with an address. SAFETY: the kernel copies the event during the call. */
export function epoll_ctlAt(epfd: number, operation: number, fd: number, event: number): number {
  return result(native.epoll_ctlAt(epfd, operation, fd, event));
}

/** epoll_wait(2) */
export function epoll_wait(epfd: number, events: Memory, maxEvents: number, timeoutMs: number): number {
  return result(native.epoll_wait(epfd, events, maxEvents, timeoutMs));
}

/** {@link epoll_wait} with an address. SAFETY: the memory is the caller's and is used only during the call. */
export function epoll_waitAt(epfd: number, events: number, maxEvents: number, timeoutMs: number): number {
  return result(native.epoll_waitAt(epfd, events, maxEvents, timeoutMs));
}

/** eventfd(2) */
export function eventfd(initial: number, flags: number): number {
  return result(native.eventfd(initial, flags));
}

/** poll(2) */
export function poll(pollfds: Memory, count: number, timeoutMs: number): number {
  return result(native.poll(pollfds, count, timeoutMs));
}

/** {@link poll} with an address. SAFETY: the memory is the caller's and is used only during the call. */
export function pollAt(pollfds: number, count: number, timeoutMs: number): number {
  return result(native.pollAt(pollfds, count, timeoutMs));
}

/** `timeout` is a struct timespec and `signals` a signal set; both may be null. ppoll(2) */
export function ppoll(pollfds: Memory, count: number, timeout: Memory, signals: Memory): number {
  return result(native.ppoll(pollfds, count, timeout, signals));
}

/** The sets are 1024 bits each and may be null; `timeout` is a struct timeval or null. select(2) */
export function select(count: number, reads: Memory, writes: Memory, excepts: Memory, timeout: Memory): number {
  return result(native.select(count, reads, writes, excepts, timeout));
}

/** timerfd_create(2) */
export function timerfd_create(clock: number, flags: number): number {
  return result(native.timerfd_create(clock, flags));
}

/** `value` receives a struct itimerspec. timerfd_gettime(2) */
export function timerfd_gettime(fd: number, value: Memory): number {
  return result(native.timerfd_gettime(fd, value));
}

/** `value` is a struct itimerspec; `previous` receives one, or is null. timerfd_settime(2) */
export function timerfd_settime(fd: number, flags: number, value: Memory, previous: Memory): number {
  return result(native.timerfd_settime(fd, flags, value, previous));
}
