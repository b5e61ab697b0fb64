/** What ends a wait: data, a signal, a deadline, closing. And what happens to the others. */
import { isSystemError, type Operation, Socket } from "portolan";
import { EAGAIN, EINVAL, encodeSockaddr, MSG_DONTWAIT } from "portolan/abi";
import { closeThreadReactor, threadReactor } from "portolan/reactor";
import { sendto } from "portolan/sys";
import { afterAll, describe, expect, it } from "vitest";
import { failureOf, tcpListener, tcpPair } from "../support/socket-pairs.ts";

afterAll(closeThreadReactor);

describe("a signal", () => {
  it("that is aborted already refuses before any system call", async () => {
    const [left, right] = Socket.pair();
    using _left = left;
    using _right = right;
    right.sendAllSync("kept");
    const reason = new Error("changed my mind");
    const signal = AbortSignal.abort(reason);
    for (const call of [
      () => left.recv(4, { signal }),
      () => left.recvFrom(4, { signal }),
      () => left.send("x", { signal }),
      () => left.ready("readable", { signal }),
    ]) {
      expect(await failureOf(call)).toBe(reason);
    }
    expect(left.recvSync(4).toString()).toBe("kept");
    expect(right.tryRecv(new Uint8Array(1))).toBeUndefined();
  });

  it("ends a wait with its reason, and the socket stays usable", async () => {
    const [left, right] = Socket.pair();
    using _left = left;
    using _right = right;
    const controller = new AbortController();
    const aborted = failureOf(() => left.recv(4, { signal: controller.signal }));
    const kept = left.recv(4);
    const reason = new Error("enough");
    controller.abort(reason);
    expect(await aborted).toBe(reason);
    await right.sendAll("next");
    expect((await kept).toString()).toBe("next");
  });

  it("ends an accept", async () => {
    using listener = tcpListener();
    const error = await failureOf(() => listener.accept({ signal: AbortSignal.timeout(5) }));
    expect(error.name).toBe("TimeoutError");
    using client = new Socket("inet", "stream");
    await client.connect(listener.localAddress);
    using server = await listener.accept();
    expect(server.closed).toBe(false);
  });

  it("leaves nothing listening on it after the call", async () => {
    const [left, right] = Socket.pair();
    using _left = left;
    using _right = right;
    const { signal } = new AbortController();
    const counted = { addEventListener: 0, removeEventListener: 0 };
    for (const name of ["addEventListener", "removeEventListener"] as const) {
      const original: (...args: unknown[]) => void = signal[name].bind(signal) as never;
      signal[name] = (...args: unknown[]): void => {
        counted[name]++;
        original(...args);
      };
    }
    const receiving = left.recv(4, { signal });
    expect(counted).toEqual({ addEventListener: 1, removeEventListener: 0 });
    await right.sendAll("data");
    await receiving;
    expect(counted).toEqual({ addEventListener: 1, removeEventListener: 1 });
  });
});

describe("a deadline", () => {
  it("ends a wait with ETIMEDOUT that tells it, and the socket stays usable", async () => {
    const [left, right] = Socket.pair();
    using _left = left;
    using _right = right;
    const error = await failureOf(() => left.recv(4, { timeoutMs: 15 }));
    expect(error).toMatchObject({ name: "SystemError", code: "ETIMEDOUT", errno: -110, syscall: "recv" });
    expect(error.message).toBe("recv ETIMEDOUT: the caller's limit of 15 ms has passed");
    const blocking = await failureOf(() => left.recvSync(4, { timeoutMs: 15 }));
    expect(blocking.message).toBe(error.message);
    await right.sendAll("late");
    expect((await left.recv(4, { timeoutMs: 30_000 })).toString()).toBe("late");
  });

  it("may be a moment that several calls share", async () => {
    const [left, right] = Socket.pair();
    using _left = left;
    using _right = right;
    const deadlineMs = performance.now() + 20;
    await right.sendAll("x");
    expect((await left.recv(1, { deadlineMs })).toString()).toBe("x");
    expect(await failureOf(() => left.recv(1, { deadlineMs, timeoutMs: 60_000 }))).toMatchObject({ code: "ETIMEDOUT" });
    expect(performance.now()).toBeGreaterThanOrEqual(deadlineMs);
    expect(await failureOf(() => left.recvSync(1, { deadlineMs }))).toMatchObject({ code: "ETIMEDOUT" });
  });

  it("of 0 takes what is there", async () => {
    const [left, right] = Socket.pair();
    using _left = left;
    using _right = right;
    await right.sendAll("x");
    expect((await left.recv(1, { timeoutMs: 0 })).toString()).toBe("x");
    expect(await failureOf(() => left.recv(1, { timeoutMs: 0 }))).toMatchObject({ code: "ETIMEDOUT" });
    expect(await failureOf(() => left.recvSync(1, { timeoutMs: 0 }))).toMatchObject({ code: "ETIMEDOUT" });
  });

  it("must be a time", async () => {
    const [left, right] = Socket.pair();
    using _left = left;
    using _right = right;
    for (const options of [{ timeoutMs: -1 }, { timeoutMs: Number.NaN }, { deadlineMs: Number.NaN }]) {
      expect((await failureOf(() => left.recv(1, options))).name).toBe("RangeError");
      expect((await failureOf(() => left.recvSync(1, options))).name).toBe("RangeError");
    }
  });

  it("of a full send leaves the receiver with a part", async () => {
    const [left, right] = tcpPair();
    using _left = left;
    using _right = right;
    const error = await failureOf(() => left.sendAll(new Uint8Array(64 << 20), { timeoutMs: 20 }));
    expect(error).toMatchObject({ code: "ETIMEDOUT", syscall: "send" });
    expect((await right.recv(1 << 20)).length).toBeGreaterThan(0);
  });
});

describe("closing", () => {
  it("settles each call that waits, in both directions, with ECANCELED", async () => {
    const [left, right] = tcpPair();
    using _right = right;
    const waits = [
      failureOf(() => left.recv(1)),
      failureOf(() => left.recv(new Uint8Array(1))),
      failureOf(() => left.recvFrom(1)),
      failureOf(() => left.sendAll(new Uint8Array(64 << 20))),
      failureOf(() => left.ready("priority")),
    ];
    await new Promise((resolve) => setImmediate(resolve));
    left.close();
    const errors = await Promise.all(waits);
    expect(errors.map((error) => [error.code, error.syscall])).toEqual([
      ["ECANCELED", "recv"],
      ["ECANCELED", "recv"],
      ["ECANCELED", "recvfrom"],
      ["ECANCELED", "send"],
      ["ECANCELED", "poll"],
    ]);
    expect(errors.every((error) => isSystemError(error, "ECANCELED"))).toBe(true);
  });

  it("ends a connect that waits for room in a unix listener's queue", async () => {
    using listener = new Socket("unix", "stream");
    listener.bind({ family: "unix", kind: "unnamed" });
    listener.listen(0);
    const address = listener.localAddress;
    using first = new Socket("unix", "stream");
    expect(first.tryConnect(address)).toBe("connected");
    using second = new Socket("unix", "stream");
    expect(second.tryConnect(address)).toBe("EAGAIN");
    const connecting = failureOf(() => second.connect(address));
    second.close();
    expect(await connecting).toMatchObject({ code: "ECANCELED", syscall: "connect" });
  });

  it("makes every later call fail with EBADF, without a system call on the number", async () => {
    const socket = new Socket("inet", "stream");
    const number = socket.fd;
    socket.close();
    // The number belongs to somebody else now: whatever touched it would succeed.
    using successor = new Socket("inet", "stream");
    expect(successor.fd).toBe(number);
    const operation: Operation = { syscall: "mine", direction: 0, attempt: () => 0 };
    const calls: [string, () => unknown][] = [
      ["accept", () => socket.accept()],
      ["accept", () => socket.acceptSync()],
      ["accept", () => socket.tryAccept()],
      ["bind", () => socket.bind("tcp://127.0.0.1:0")],
      ["connect", () => socket.connect("tcp://127.0.0.1:1")],
      ["connect", () => socket.connectSync("tcp://127.0.0.1:1")],
      ["detach", () => socket.detach()],
      ["getpeername", () => socket.remoteAddress],
      ["getsockname", () => socket.localAddress],
      ["getsockopt", () => socket.getOption("SO_TYPE")],
      ["getsockopt", () => socket.getRawOption(1, 3, 4)],
      ["listen", () => socket.listen()],
      ["mine", () => socket.perform(operation)],
      ["mine", () => socket.performNow(operation)],
      ["mine", () => socket.performSync(operation)],
      ["poll", () => socket.ready("readable")],
      ["poll", () => socket.readySync("readable")],
      ["recv", () => socket.recv(1)],
      ["recv", () => socket.recv(new Uint8Array(1))],
      ["recv", () => socket.recvSync(1)],
      ["recv", () => socket.tryRecv(new Uint8Array(1))],
      ["recvfrom", () => socket.recvFrom(1)],
      ["recvfrom", () => socket.recvFromSync(1)],
      ["send", () => socket.send("x")],
      ["send", () => socket.sendAll("x")],
      ["send", () => socket.sendAllSync("x")],
      ["send", () => socket.sendSync("x")],
      ["send", () => socket.trySend("x")],
      ["sendto", () => socket.sendTo("x", "udp://127.0.0.1:9")],
      ["sendto", () => socket.sendToSync("x", "udp://127.0.0.1:9")],
      ["setsockopt", () => socket.setOption("SO_KEEPALIVE", true)],
      ["setsockopt", () => socket.setRawOption(1, 9, 1)],
      ["shutdown", () => socket.shutdown("both")],
    ];
    for (const [syscall, call] of calls) {
      const error = await failureOf(call);
      expect(error).toMatchObject({ name: "SystemError", code: "EBADF", errno: -9, syscall });
      expect(error.message).toBe(`${syscall} EBADF: this socket is closed`);
    }
    expect(successor.getOption("SO_KEEPALIVE")).toBe(false);
  });
});

describe("the reactor's share", () => {
  it("is taken only by a socket that has to wait, and waits keep nothing alive once they are over", async () => {
    const [left, right] = Socket.pair();
    using _left = left;
    using _right = right;
    await right.sendAll("x");
    await left.recv(1);
    const before = threadReactor().active;
    const controller = new AbortController();
    const receiving = failureOf(() => left.recv(1, { signal: controller.signal }));
    expect(threadReactor().active).toBe(before + 1);
    controller.abort();
    await receiving;
    expect(threadReactor().active).toBe(before);
  });

  it("is taken anew after the thread's reactor was closed", async () => {
    const [left, right] = Socket.pair();
    using _left = left;
    using _right = right;
    const first = left.recv(1);
    await right.sendAll("1");
    await first;
    closeThreadReactor();
    const second = left.recv(1);
    await right.sendAll("2");
    expect((await second).toString()).toBe("2");
  });

  it("is bounded: too many waits on one socket are refused", async () => {
    const [left, right] = Socket.pair();
    using _right = right;
    const waits = Array.from({ length: 4097 }, () => failureOf(() => left.recv(1)));
    expect((await (waits.at(-1) as Promise<Error>)).name).toBe("RangeError");
    left.close();
    const errors = await Promise.all(waits.slice(0, -1));
    expect(errors.every((error) => error.code === "ECANCELED")).toBe(true);
  });
});

describe("a unix datagram whose receiver's queue is full", () => {
  /** How often an operation that sends to the full queue is tried within a tenth of a second. */
  async function triesOf(wait: (socket: Socket, operation: Operation) => unknown): Promise<number> {
    using receiver = new Socket("unix", "dgram");
    receiver.bind({ family: "unix", kind: "unnamed" });
    const address = receiver.localAddress;
    using sender = new Socket("unix", "dgram");
    await failureOf(async () => {
      for (let i = 0; i < 100_000; i++) sender.sendToSync("x", address, { flags: MSG_DONTWAIT });
    });
    let tries = 0;
    const sockaddr = encodeSockaddr(address);
    const attempt = (fd: number): number => {
      tries++;
      return sendto(fd, new Uint8Array(1), 1, MSG_DONTWAIT, sockaddr, sockaddr.length);
    };
    const operation: Operation = { syscall: "sendto", direction: 1, attempt };
    expect(await failureOf(async () => wait(sender, operation))).toMatchObject({ code: "ETIMEDOUT" });
    const whenRoom = sender.sendTo("last", address, { timeoutMs: 30_000 });
    receiver.recvSync(1);
    expect(await whenRoom).toBe(4);
    return tries;
  }

  it("is waited for without a loop that never rests, though poll says writable", async () => {
    expect(await triesOf((socket, operation) => socket.perform(operation, { timeoutMs: 100 }))).toBeLessThan(30);
    expect(await triesOf((socket, operation) => socket.performSync(operation, { timeoutMs: 100 }))).toBeLessThan(30);
  });

  it("does not hold up what is received meanwhile", async () => {
    using socket = new Socket("unix", "dgram");
    socket.bind({ family: "unix", kind: "unnamed" });
    using full = new Socket("unix", "dgram");
    full.bind({ family: "unix", kind: "unnamed" });
    const address = full.localAddress;
    await failureOf(async () => {
      for (let i = 0; i < 100_000; i++) socket.sendToSync("x", address, { flags: MSG_DONTWAIT });
    });
    const waiting = failureOf(() => socket.sendTo("x", address));
    await full.sendTo("data", socket.localAddress);
    expect(String(await socket.recv(10, { timeoutMs: 30_000 }))).toBe("data");
    socket.close();
    expect(await waiting).toMatchObject({ code: "ECANCELED" });
  });
});

describe("an operation of one's own", () => {
  it("does not make the loop spin while an error that lasts helps nobody, and still gets its data", async () => {
    using gone = new Socket("inet", "dgram");
    gone.bind("udp://127.0.0.1:0");
    const address = gone.localAddress;
    gone.close();
    using socket = new Socket("inet", "dgram");
    socket.bind("udp://127.0.0.1:0");
    socket.setOption("IP_RECVERR", true);
    await socket.sendTo("anybody?", address);
    expect(await failureOf(() => socket.recv(10, { timeoutMs: 30_000 }))).toMatchObject({ code: "ECONNREFUSED" });
    // The error was told, but its report is still in the error queue, and so POLLERR holds.
    await socket.ready("errors", { timeoutMs: 30_000 });
    let tries = 0;
    const room = new Uint8Array(10);
    const attempt = (): number => {
      tries++;
      return socket.tryRecv(room) ?? -EAGAIN;
    };
    const operation: Operation = { syscall: "recv", direction: 0, attempt };
    expect(await failureOf(() => socket.perform(operation, { timeoutMs: 100 }))).toMatchObject({ code: "ETIMEDOUT" });
    expect(tries).toBeLessThan(30);
    const performing = socket.perform(operation, { timeoutMs: 30_000 });
    using peer = new Socket("inet", "dgram");
    await peer.sendTo("data", socket.localAddress);
    expect(await performing).toBe(4);
  });

  it("is tried again each time its condition holds", async () => {
    const [left, right] = Socket.pair();
    using _left = left;
    using _right = right;
    let tries = 0;
    const room = new Uint8Array(1);
    const operation: Operation = {
      syscall: "both",
      direction: 0,
      attempt: () => {
        tries++;
        const count = left.tryRecv(room);
        return count === undefined || room[0] !== 2 ? -EAGAIN : 7;
      },
    };
    const performing = left.perform(operation);
    await right.send(new Uint8Array([1]));
    await right.send(new Uint8Array([2]));
    expect(await performing).toBe(7);
    expect(tries).toBeGreaterThanOrEqual(3);
    expect(left.performNow({ ...operation, attempt: () => -EAGAIN })).toBeUndefined();
    expect(await failureOf(() => left.performSync({ ...operation, attempt: () => -EINVAL }))).toMatchObject({
      code: "EINVAL",
      syscall: "both",
    });
  });

  it("waits for conditions alone", async () => {
    const [left, right] = tcpPair();
    using _left = left;
    using _right = right;
    await left.ready("writable");
    left.readySync("writable");
    const ready = left.ready("readable");
    await right.sendAll("x");
    await ready;
    expect(left.recvSync(1).toString()).toBe("x");
    expect(await failureOf(() => left.ready("ready" as never))).toMatchObject({ name: "TypeError" });
  });
});
