/** The calls of the gate that wait: epoll, poll, select, eventfd, timerfd, clocks, io_uring. */
import * as abi from "portolan/abi";
import * as sys from "portolan/sys";
import { describe, expect, it } from "vitest";
import { bytesOf, giveBackAfterEach, keep, pipe, region } from "../support/sys-kit.ts";

giveBackAfterEach();

describe("waiting", () => {
  const { EPOLL_EVENT } = abi.abiFor(sys.architecture);

  it.for(["array", "address"])("epoll reports the tag of what is ready, by %s", (kind) => {
    const isArray = kind === "array";
    const epoll = keep(sys.epoll_create1(abi.EPOLL_CLOEXEC));
    const fd = keep(sys.eventfd(1, 0));
    const { address, bytes, view } = region(4096);
    view.setUint32(0, abi.POLLIN, true);
    view.setUint32(EPOLL_EVENT.data, 4711, true);
    const add = abi.EPOLL_CTL_ADD;
    expect(isArray ? sys.epoll_ctl(epoll, add, fd, bytes) : sys.epoll_ctlAt(epoll, add, fd, address)).toBe(0);
    expect(sys.epoll_ctlAt(epoll, add, fd, address)).toBe(-abi.EEXIST);
    bytes.fill(0);
    expect(isArray ? sys.epoll_wait(epoll, bytes, 4, -1) : sys.epoll_waitAt(epoll, address, 4, -1)).toBe(1);
    expect(view.getUint32(0, true)).toBe(abi.POLLIN);
    expect(view.getUint32(EPOLL_EVENT.data, true)).toBe(4711);
    expect(sys.epoll_ctl(epoll, abi.EPOLL_CTL_DEL, fd, null)).toBe(0);
    expect(sys.epoll_wait(epoll, bytes, 4, 0)).toBe(0);
    expect(sys.epoll_create1(-1)).toBe(-abi.EINVAL);
  });

  it("eventfd adds up, and with EFD_SEMAPHORE counts down", () => {
    const count = new BigUint64Array(1);
    const sum = keep(sys.eventfd(2, abi.EFD_NONBLOCK));
    expect(sys.write(sum, new BigUint64Array([3n]), 8)).toBe(8);
    expect([sys.read(sum, count, 8), count[0]]).toEqual([8, 5n]);
    expect(sys.read(sum, count, 8)).toBe(-abi.EAGAIN);
    const semaphore = keep(sys.eventfd(2, abi.EFD_SEMAPHORE));
    expect([sys.read(semaphore, count, 8), count[0]]).toEqual([8, 1n]);
    expect(sys.eventfd(0, -1)).toBe(-abi.EINVAL);
  });

  it("poll, ppoll and select agree about what is ready", () => {
    const [reader, writer] = pipe();
    const closed = -1;
    const pollfds = region(64);
    const fill = (): void => {
      [reader, writer, closed].forEach((fd, i) => {
        pollfds.view.setInt32(i * 8, fd, true);
        pollfds.view.setUint32(i * 8 + 4, i === 0 ? abi.POLLIN : abi.POLLOUT, true);
      });
    };
    const revents = (): number[] => [0, 1, 2].map((i) => pollfds.view.getUint16(i * 8 + 6, true));
    const readers = new Uint8Array(128);
    const writers = new Uint8Array(128);
    const isIn = (set: Uint8Array, fd: number): boolean => (((set[fd >> 3] as number) >> (fd & 7)) & 1) === 1;
    const choose = (): number => {
      readers.fill(0)[reader >> 3] = 1 << (reader & 7);
      writers.fill(0)[writer >> 3] = 1 << (writer & 7);
      return sys.select(Math.max(reader, writer) + 1, readers, writers, null, new BigUint64Array([0n, 0n]));
    };
    const waits: (() => number)[] = [
      () => sys.poll(pollfds.bytes, 3, 0),
      () => sys.pollAt(pollfds.address, 3, 0),
      () => sys.ppoll(pollfds.bytes, 3, new BigUint64Array([0n, 1_000n]), new BigUint64Array(16)),
    ];
    for (const wait of waits) {
      fill();
      expect(wait()).toBe(1);
      expect(revents()).toEqual([0, abi.POLLOUT, 0]);
    }
    expect(choose()).toBe(1);
    expect([isIn(readers, reader), isIn(writers, writer)]).toEqual([false, true]);
    sys.write(writer, bytesOf("x"), 1);
    for (const wait of waits) {
      fill();
      expect(wait()).toBe(2);
      expect(revents()).toEqual([abi.POLLIN, abi.POLLOUT, 0]);
    }
    expect(choose()).toBe(2);
    expect([isIn(readers, reader), isIn(writers, writer)]).toEqual([true, true]);
    expect(sys.poll(pollfds.bytes, 2 ** 31, 0)).toBe(-abi.EINVAL);
    expect(sys.pollAt(pollfds.address, 2 ** 31, 0)).toBe(-abi.EINVAL);
    expect(sys.ppoll(pollfds.bytes, 1, new BigUint64Array([0n, 2_000_000_000n]), null)).toBe(-abi.EINVAL);
    expect(sys.select(-1, null, null, null, null)).toBe(-abi.EINVAL);
  });

  it("clock_gettime tells the time of a clock", () => {
    const [before, after] = [new BigUint64Array(2), new BigUint64Array(2)];
    for (const time of [before, after]) expect(sys.clock_gettime(abi.CLOCK_REALTIME, time)).toBe(0);
    expect(Math.abs(Number(before[0]) - Date.now() / 1000)).toBeLessThan(60);
    const nanoseconds = ([seconds = 0n, rest = 0n]: BigUint64Array): bigint => seconds * 1_000_000_000n + rest;
    expect(nanoseconds(after)).toBeGreaterThanOrEqual(nanoseconds(before));
    expect(sys.clock_gettime(9999, before)).toBe(-abi.EINVAL);
  });

  it("timerfd fires after its time", () => {
    const fd = keep(sys.timerfd_create(abi.CLOCK_MONOTONIC, abi.TFD_CLOEXEC));
    const seconds = new BigUint64Array([0n, 0n, 100n, 0n]);
    expect(sys.timerfd_settime(fd, 0, seconds, null)).toBe(0);
    const left = new BigUint64Array(4);
    expect(sys.timerfd_gettime(fd, left)).toBe(0);
    expect(left[2] === 99n || left[2] === 100n).toBe(true);
    const previous = new BigUint64Array(4);
    expect(sys.timerfd_settime(fd, 0, new BigUint64Array([0n, 0n, 0n, 1_000n]), previous)).toBe(0);
    expect(previous[2] === 99n || previous[2] === 100n).toBe(true);
    const expirations = new BigUint64Array(1);
    expect([sys.read(fd, expirations, 8), expirations[0]]).toEqual([8, 1n]);
    expect(sys.timerfd_create(9999, 0)).toBe(-abi.EINVAL);
  });
});

describe("io_uring", () => {
  it("makes a ring and completes a request that does nothing, or says why not", (context) => {
    const { IO_URING_PARAMS, IO_SQRING_OFFSETS } = abi;
    const params = new Uint8Array(IO_URING_PARAMS.size);
    expect(sys.io_uring_setup(0, params)).toBeLessThan(0);
    const ring = sys.io_uring_setup(4, params);
    if (ring === -abi.ENOSYS || ring === -abi.EPERM) return context.skip(`io_uring: ${abi.errnoName(-ring)}`);
    keep(ring);
    const field = (offset: number): number => new DataView(params.buffer).getUint32(offset, true);
    expect(field(IO_URING_PARAMS.sq_entries)).toBe(4);
    expect(field(IO_URING_PARAMS.cq_entries)).toBe(8);
    const array = field(IO_URING_PARAMS.sq_off + IO_SQRING_OFFSETS.array);
    const tail = field(IO_URING_PARAMS.sq_off + IO_SQRING_OFFSETS.tail);
    const sizeBytes = array + 16;
    const PROT_READ_WRITE = 3;
    const MAP_SHARED = 1;
    const address = sys.mmap(0, sizeBytes, PROT_READ_WRITE, MAP_SHARED, ring, 0);
    expect(address).toBeGreaterThan(0);
    // The entry at index 0 is zeroed, which is IORING_OP_NOP.
    new Uint32Array(sys.viewMemory(address, sizeBytes))[tail / 4] = 1;
    expect(sys.io_uring_enter(ring, 1, 1, abi.IORING_ENTER_GETEVENTS, 0, 0)).toBe(1);
    expect(sys.munmap(address, sizeBytes)).toBe(0);
    expect(sys.io_uring_register(ring, 0x7fff, null, 0)).toBe(-abi.EINVAL);
  });
});
