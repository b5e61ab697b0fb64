/**
 * The gate to the kernel as a whole: every call refuses a descriptor that is none, every binding is used, no function is
 * left without a test. What each call does is in `sys-*.test.ts`.
 */
import { readdirSync, readFileSync } from "node:fs";
import * as abi from "portolan/abi";
import * as sys from "portolan/sys";
import { describe, expect, it } from "vitest";

const { EBADF, MMSGHDR } = abi;

/** The kernel takes -1 for "no ring", for the few requests that need none. */
const NEVER_OPEN = 1 << 20;
const root = new URL("../../", import.meta.url);
const read = (path: string): string => readFileSync(new URL(path, root), "utf8");
const list = (folder: string): string[] => readdirSync(new URL(folder, root)).map((name) => folder + name);

describe("a descriptor that is none", () => {
  const bytes = new Uint8Array(256);
  const word = new Uint32Array([16]);
  const msghdr = new Uint8Array(MMSGHDR.size);
  const calls: Record<string, () => number> = {
    accept4: () => sys.accept4(-1, null, null, 0),
    accept4At: () => sys.accept4At(-1, 0, 0, 0),
    bind: () => sys.bind(-1, bytes, 16),
    close: () => sys.close(-1),
    connect: () => sys.connect(-1, bytes, 16),
    dup: () => sys.dup(-1),
    dup3: () => sys.dup3(-1, 400, 0),
    epoll_ctl: () => sys.epoll_ctl(-1, abi.EPOLL_CTL_ADD, 0, bytes),
    epoll_ctlAt: () => sys.epoll_ctlAt(-1, abi.EPOLL_CTL_ADD, 0, sys.addressOf(bytes)),
    epoll_wait: () => sys.epoll_wait(-1, bytes, 1, 0),
    epoll_waitAt: () => sys.epoll_waitAt(-1, sys.addressOf(bytes), 1, 0),
    fcntl: () => sys.fcntl(-1, abi.F_GETFD),
    flock: () => sys.flock(-1, 2),
    ftruncate: () => sys.ftruncate(-1, 1),
    getpeername: () => sys.getpeername(-1, bytes, word),
    getsockname: () => sys.getsockname(-1, bytes, word),
    getsockopt: () => sys.getsockopt(-1, abi.SOL_SOCKET, abi.SO_TYPE, bytes, word),
    io_uring_enter: () => sys.io_uring_enter(-1, 0, 0, 0, 0, 0),
    io_uring_register: () => sys.io_uring_register(NEVER_OPEN, 8, bytes, 1),
    ioctl: () => sys.ioctl(-1, abi.FIONREAD, bytes),
    ioctlValue: () => sys.ioctlValue(-1, abi.FIONREAD, 0),
    listen: () => sys.listen(-1, 1),
    mmap: () => sys.mmap(0, 4096, 1, 2, -1, 0),
    pidfd_send_signal: () => sys.pidfd_send_signal(-1, 0, null, 0),
    read: () => sys.read(-1, bytes, 1),
    readv: () => sys.readv(-1, bytes, 1),
    recv: () => sys.recv(-1, bytes, 1, 0),
    recvAt: () => sys.recvAt(-1, sys.addressOf(bytes), 1, 0),
    recvfrom: () => sys.recvfrom(-1, bytes, 1, 0, null, null),
    recvmmsg: () => sys.recvmmsg(-1, msghdr, 1, 0, null),
    recvmmsgAt: () => sys.recvmmsgAt(-1, sys.addressOf(msghdr), 1, 0, 0),
    recvmsg: () => sys.recvmsg(-1, msghdr, 0),
    send: () => sys.send(-1, bytes, 1, 0),
    sendAt: () => sys.sendAt(-1, sys.addressOf(bytes), 1, 0),
    sendfile: () => sys.sendfile(-1, -1, null, 1),
    sendmmsg: () => sys.sendmmsg(-1, msghdr, 1, 0),
    sendmmsgAt: () => sys.sendmmsgAt(-1, sys.addressOf(msghdr), 1, 0),
    sendmsg: () => sys.sendmsg(-1, msghdr, 0),
    sendto: () => sys.sendto(-1, bytes, 1, 0, bytes, 16),
    setsockopt: () => sys.setsockopt(-1, abi.SOL_SOCKET, abi.SO_REUSEADDR, word, 4),
    shutdown: () => sys.shutdown(-1, 2),
    splice: () => sys.splice(-1, null, -1, null, 1, 0),
    timerfd_gettime: () => sys.timerfd_gettime(-1, bytes),
    timerfd_settime: () => sys.timerfd_settime(-1, 0, bytes, null),
    waitid: () => sys.waitid(abi.P_PIDFD, NEVER_OPEN, bytes, abi.WEXITED),
    write: () => sys.write(-1, bytes, 1),
    writev: () => sys.writev(-1, bytes, 1),
  };
  it.for(Object.entries(calls))("is EBADF to %s", ([, call]) => {
    expect(call()).toBe(-EBADF);
  });
});

describe("the binding table", () => {
  it("has no binding that nothing calls", async () => {
    const tables: Record<string, Record<string, string>> = await import(new URL("dist/sys/table.js", root).href);
    const callers = list("src/sys/").filter((path) => path.endsWith(".ts") && !path.endsWith("/table.ts"));
    const source = callers.map(read).join("\n");
    const names = Object.values(tables).flatMap((table) => Object.keys(table));
    expect(names.length).toBeGreaterThan(80);
    expect(names.filter((name) => !new RegExp(`\\.${name}\\b`).test(source))).toEqual([]);
  });

  it("binds each name to the symbol of its own prototype, or says what it stands for", async () => {
    const tables: Record<string, Record<string, string>> = await import(new URL("dist/sys/table.js", root).href);
    for (const [name, prototype] of Object.values(tables).flatMap((table) => Object.entries(table))) {
      const symbol = prototype.match(/^\w+ (\w+)\(/)?.[1];
      expect([name, name.replace(/(At|Value)$/, ""), "syscall"], prototype).toContain(symbol);
      if (symbol === "syscall") expect(name).toMatch(/^(io_uring|pidfd)_/);
    }
  });
});

it("no function of the gate is left without a test", () => {
  const tests = list("test/kernel/").filter((path) => /\/sys[\w-]*\.test\.ts$/.test(path));
  const source = tests.map(read).join("\n");
  const functions = Object.entries(sys).filter(([, value]) => typeof value === "function");
  expect(functions.length).toBeGreaterThan(80);
  const left = functions.map(([name]) => name).filter((name) => !source.includes(`sys.${name}(`));
  // The kit maps and unmaps the memory of nearly every test.
  expect(left.filter((name) => name !== "unmapRegion")).toEqual([]);
});
