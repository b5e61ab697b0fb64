/** Behaviours of `dgram.Socket` that Node documents, asserted of Node's own and of ours. */
import { AsyncLocalStorage } from "node:async_hooks";
import { spawnSync } from "node:child_process";
import { once } from "node:events";
import { describe, expect, it } from "vitest";
import { type DgramSocket, DgramStage, datagram, faces } from "../support/dgram-faces.ts";
import { failure, thrown } from "../support/net-faces.ts";
import { until } from "../support/until.ts";

const GROUP = "239.255.17.7";
const SOURCE_GROUP = "232.17.7.7";

describe.each(faces)("a socket of %s", (name, dgram) => {
  const stage = new DgramStage();
  /** A receiver and a sender. */
  const two = async (): Promise<[DgramSocket, DgramSocket, number]> => {
    const [to, from] = [await stage.bound(dgram), await stage.bound(dgram)];
    return [to, from, to.address().port];
  };

  describe("bind", () => {
    it("takes a port, an address and a callback", async () => {
      const socket = stage.socket(dgram.createSocket("udp4"));
      await new Promise<void>((resolve) => socket.bind(0, "127.0.0.1", resolve));
      expect(socket.address()).toEqual({ address: "127.0.0.1", family: "IPv4", port: expect.any(Number) });
      expect(socket.address().port).toBeGreaterThan(0);
    });

    it("takes only a callback, and then all addresses", async () => {
      const socket = stage.socket(dgram.createSocket("udp4"));
      await new Promise<void>((resolve) => socket.bind(resolve));
      expect(socket.address().address).toBe("0.0.0.0");
    });

    it("takes options, and is not done before 'listening'", async () => {
      const socket = stage.socket(dgram.createSocket("udp4"));
      expect(socket.bind({ port: 0, address: "127.0.0.1", exclusive: true })).toBe(socket);
      expect(thrown(() => socket.address())).toMatchObject({ code: "EBADF", syscall: "getsockname" });
      await once(socket, "listening");
      expect(socket.address().address).toBe("127.0.0.1");
    });

    it("looks a name up", async () => {
      const socket = stage.socket(dgram.createSocket("udp4"));
      await new Promise<void>((resolve) => socket.bind(0, "localhost", resolve));
      expect(socket.address().address).toBe("127.0.0.1");
    });

    it("is for IPv6 too", async () => {
      const socket = await stage.bound(dgram, { type: "udp6" });
      expect(socket.address()).toMatchObject({ address: "::1", family: "IPv6" });
    });

    it("twice fails with ERR_SOCKET_ALREADY_BOUND, also while it is under way", async () => {
      const socket = stage.socket(dgram.createSocket("udp4"));
      socket.bind(0, "127.0.0.1");
      expect(thrown(() => socket.bind(0)).code).toBe("ERR_SOCKET_ALREADY_BOUND");
      await once(socket, "listening");
      expect(thrown(() => socket.bind(0)).code).toBe("ERR_SOCKET_ALREADY_BOUND");
    });

    it("to a taken port emits EADDRINUSE, and may be tried again", async () => {
      const [taken] = await two();
      const { port } = taken.address();
      const socket = stage.socket(dgram.createSocket("udp4"));
      socket.bind(port, "127.0.0.1");
      const error = await failure(socket);
      expect(error).toMatchObject({
        message: `bind EADDRINUSE 127.0.0.1:${port}`,
        code: "EADDRINUSE",
        errno: -98,
        syscall: "bind",
        address: "127.0.0.1",
        port,
      });
      socket.bind(0, "127.0.0.1");
      await once(socket, "listening");
    });

    it("with reuseAddr shares a port", async () => {
      const first = await stage.bound(dgram, { reuseAddr: true });
      const second = stage.socket(dgram.createSocket({ type: "udp4", reuseAddr: true }));
      second.bind(first.address().port, "127.0.0.1");
      await once(second, "listening");
    });

    it("with ipv6Only leaves IPv4 to others", async () => {
      const first = stage.socket(dgram.createSocket({ type: "udp6", ipv6Only: true }));
      await new Promise<void>((resolve) => first.bind(0, "::", resolve));
      const second = stage.socket(dgram.createSocket("udp4"));
      second.bind(first.address().port, "0.0.0.0");
      await once(second, "listening");
    });
  });

  describe("send", () => {
    it("delivers a message, and tells who sent it and how long it was", async () => {
      const [to, from, port] = await two();
      from.send("hello", port, "127.0.0.1");
      expect(await datagram(to)).toEqual([
        "hello",
        { address: "127.0.0.1", family: "IPv4", port: from.address().port, size: 5 },
      ]);
    });

    it("binds an unbound socket", async () => {
      const [to, , port] = await two();
      const socket = stage.socket(dgram.createSocket("udp4"));
      socket.send("unbound", port, "127.0.0.1");
      expect((await datagram(to))[0]).toBe("unbound");
      expect(socket.address().port).toBeGreaterThan(0);
    });

    it("keeps the order of what is sent before it is bound", async () => {
      const [to, , port] = await two();
      const socket = stage.socket(dgram.createSocket("udp4"));
      const received: string[] = [];
      to.on("message", (message) => received.push(message.toString()));
      for (let i = 0; i < 5; i++) socket.send(`${i}`, port, "127.0.0.1");
      await until(() => received.length === 5);
      expect(received).toEqual(["0", "1", "2", "3", "4"]);
    });

    it("without an address sends to this host", async () => {
      const [to, from, port] = await two();
      from.send("local", port);
      expect((await datagram(to))[0]).toBe("local");
    });

    it("takes a part of a buffer by offset and length", async () => {
      const [to, from, port] = await two();
      from.send(Buffer.from("the middle part"), 4, 6, port, "127.0.0.1");
      expect((await datagram(to))[0]).toBe("middle");
    });

    it("takes several buffers and strings as one message", async () => {
      const [to, from, port] = await two();
      from.send([Buffer.from("one "), "two ", new Uint8Array([0x33])], port, "127.0.0.1");
      expect((await datagram(to))[0]).toBe("one two 3");
    });

    it("takes other typed arrays and DataViews for their bytes", async () => {
      const [to, from, port] = await two();
      from.send(new Uint16Array([0x6968]), port, "127.0.0.1");
      expect((await datagram(to))[0]).toBe("hi");
      from.send(new DataView(new Uint8Array([0x78, 0x79, 0x7a]).buffer, 1, 2), port, "127.0.0.1");
      expect((await datagram(to))[0]).toBe("yz");
    });

    it.each([[""], [[]], [Buffer.alloc(0)]])("takes %j as an empty message", async (message) => {
      const [to, from, port] = await two();
      from.send(message as never, port, "127.0.0.1");
      expect(await datagram(to)).toEqual(["", expect.objectContaining({ size: 0 })]);
    });

    it("calls back with null and the number of bytes", async () => {
      const [, from, port] = await two();
      const result = await new Promise((resolve) => from.send("12345", port, "127.0.0.1", (...args) => resolve(args)));
      expect(result).toEqual([null, 5]);
    });

    it("takes the callback in the place of the address", async () => {
      const [, from, port] = await two();
      const result = await new Promise((resolve) => from.send("123", port, (...args) => resolve(args)));
      expect(result).toEqual([null, 3]);
    });

    it("calls back later, never at once", async () => {
      const [, from, port] = await two();
      let isBack = false;
      const back = new Promise<void>((resolve) => {
        from.send("x", port, "127.0.0.1", () => {
          isBack = true;
          resolve();
        });
      });
      expect(isBack).toBe(false);
      await back;
    });

    it("of too much calls back with EMSGSIZE", async () => {
      const [, from, port] = await two();
      const error = await new Promise<unknown>((resolve) =>
        from.send(Buffer.alloc(70_000), port, "127.0.0.1", resolve),
      );
      expect(error).toMatchObject({
        message: `send EMSGSIZE 127.0.0.1:${port}`,
        code: "EMSGSIZE",
        errno: -90,
        syscall: "send",
        address: "127.0.0.1",
        port,
      });
    });

    it("carries the largest message there is", async () => {
      const [to, from, port] = await two();
      from.send(Buffer.alloc(65_507, "x"), port, "127.0.0.1");
      const [message] = (await once(to, "message")) as [Buffer];
      expect(message.equals(Buffer.alloc(65_507, "x"))).toBe(true);
    });

    it("uses the socket's own look-up", async () => {
      const [to, , port] = await two();
      const asked: unknown[] = [];
      const socket = stage.socket(
        dgram.createSocket({
          type: "udp4",
          lookup: (host, options, callback) => {
            asked.push(host, options);
            process.nextTick(callback, null, "127.0.0.1", 4);
          },
        }),
      );
      socket.send("found", port, "no.such.name");
      expect((await datagram(to))[0]).toBe("found");
      expect(asked).toEqual(["0.0.0.0", 4, "no.such.name", 4]);
    });

    it("tells of a look-up that failed: the callback, or else 'error'", async () => {
      const lookup = (
        _host: string,
        _options: unknown,
        callback: (error: Error, address: string, family: number) => void,
      ) => {
        const isBind = _host === "0.0.0.0";
        process.nextTick(callback, isBind ? null : Object.assign(new Error("no"), { code: "ENOTFOUND" }), "0.0.0.0", 4);
      };
      const socket = stage.socket(dgram.createSocket({ type: "udp4", lookup: lookup as never }));
      const error = await new Promise((resolve) => socket.send("x", 1, "no.such.name", resolve));
      expect(error).toMatchObject({ code: "ENOTFOUND" });
      const failed = failure(socket);
      socket.send("x", 1, "no.such.name");
      expect((await failed).code).toBe("ENOTFOUND");
    });

    it.each([0, -1, 65536, Number.NaN, undefined, "x"])("refuses %s as a port", (port) => {
      const socket = stage.socket(dgram.createSocket("udp4"));
      const error = thrown(() => socket.send("x", port as never, "127.0.0.1"));
      expect(error.code).toBe("ERR_SOCKET_BAD_PORT");
    });

    it.each([23, true, {}, null, undefined])("refuses %j as a message", (message) => {
      const socket = stage.socket(dgram.createSocket("udp4"));
      expect(thrown(() => socket.send(message as never, 1, "127.0.0.1")).code).toBe("ERR_INVALID_ARG_TYPE");
      expect(thrown(() => socket.send([message] as never, 1, "127.0.0.1")).code).toBe("ERR_INVALID_ARG_TYPE");
    });

    it.each([23, true, {}, []])("refuses %j as an address", (address) => {
      const socket = stage.socket(dgram.createSocket("udp4"));
      expect(thrown(() => socket.send("x", 1, address as never)).code).toBe("ERR_INVALID_ARG_TYPE");
    });

    it("refuses an offset or a length outside of the message", () => {
      const socket = stage.socket(dgram.createSocket("udp4"));
      const message = Buffer.from("hello");
      expect(thrown(() => socket.send(message, 6, 0, 1, "127.0.0.1")).code).toBe("ERR_BUFFER_OUT_OF_BOUNDS");
      expect(thrown(() => socket.send(message, 2, 4, 1, "127.0.0.1")).code).toBe("ERR_BUFFER_OUT_OF_BOUNDS");
    });

    it("has an empty queue when all has left", async () => {
      const [, from, port] = await two();
      await new Promise((resolve) => from.send("x", port, "127.0.0.1", resolve));
      expect([from.getSendQueueSize(), from.getSendQueueCount()]).toEqual([0, 0]);
    });
  });

  describe("receiving", () => {
    it("keeps messages apart", async () => {
      const [to, from, port] = await two();
      const received: string[] = [];
      to.on("message", (message) => received.push(message.toString()));
      for (let i = 0; i < 200; i++) from.send(`${i}`, port, "127.0.0.1");
      await until(() => received.length === 200);
      expect(received).toEqual(Array.from({ length: 200 }, (_, i) => `${i}`));
    });

    it("loses none of what who awaits one message after another is sent", async () => {
      const [to, from, port] = await two();
      for (let i = 0; i < 20; i++) from.send(`${i}`, port, "127.0.0.1");
      const received: string[] = [];
      while (received.length < 20) received.push((await datagram(to))[0]);
      expect(received).toEqual(Array.from({ length: 20 }, (_, i) => `${i}`));
    });

    it("gives each listener memory of its own to keep", async () => {
      const [to, from, port] = await two();
      const kept: Buffer[] = [];
      to.on("message", (message) => kept.push(message));
      for (const text of ["first", "second"]) from.send(text, port, "127.0.0.1");
      await until(() => kept.length === 2);
      expect(kept.map(String)).toEqual(["first", "second"]);
    });

    it("calls the listener given to createSocket", async () => {
      const [, from] = await two();
      const received: string[] = [];
      const socket = stage.socket(dgram.createSocket("udp4", (message) => received.push(message.toString())));
      await new Promise<void>((resolve) => socket.bind(0, "127.0.0.1", resolve));
      from.send("to the listener", socket.address().port, "127.0.0.1");
      await until(() => received.length === 1);
    });

    it("answers to the sender of each message, IPv6 too", async () => {
      const echo = await stage.bound(dgram, { type: "udp6" });
      echo.on("message", (message, peer) => echo.send(message, peer.port, peer.address));
      const socket = await stage.bound(dgram, { type: "udp6" });
      socket.send("six", echo.address().port, "::1");
      expect(await datagram(socket)).toEqual([
        "six",
        { address: "::1", family: "IPv6", port: echo.address().port, size: 3 },
      ]);
    });

    it("tells its listeners in the asynchronous context in which the socket was made", async () => {
      const [, from] = await two();
      const storage = new AsyncLocalStorage<string>();
      const seen: (string | undefined)[] = [];
      const socket = storage.run("context", () => {
        const made = stage.socket(dgram.createSocket("udp4"));
        made.on("message", () => seen.push(storage.getStore()));
        return made;
      });
      await new Promise<void>((resolve) => socket.bind(0, "127.0.0.1", resolve));
      from.send("x", socket.address().port, "127.0.0.1");
      await until(() => seen.length === 1);
      expect(seen).toEqual(["context"]);
    });
  });

  describe("connect", () => {
    it("lets send do without a port, and tells the peer's address", async () => {
      const [to, from, port] = await two();
      await new Promise<void>((resolve) => from.connect(port, "127.0.0.1", resolve));
      expect(from.remoteAddress()).toEqual({ address: "127.0.0.1", family: "IPv4", port });
      from.send("connected");
      expect((await datagram(to))[0]).toBe("connected");
      from.send(Buffer.from("a part"), 2, 4);
      expect((await datagram(to))[0]).toBe("part");
      expect(await new Promise((resolve) => from.send("abc", (...args) => resolve(args)))).toEqual([null, 3]);
    });

    it("binds, and emits 'connect'", async () => {
      const [, , port] = await two();
      const socket = stage.socket(dgram.createSocket("udp4"));
      socket.connect(port);
      await once(socket, "connect");
      expect(socket.address().port).toBeGreaterThan(0);
      expect(socket.remoteAddress().address).toBe("127.0.0.1");
    });

    it("hears only the peer", async () => {
      const [to, from, port] = await two();
      const stranger = await stage.bound(dgram);
      await new Promise<void>((resolve) => from.connect(port, "127.0.0.1", resolve));
      stranger.send("stranger", from.address().port, "127.0.0.1");
      to.send("peer", from.address().port, "127.0.0.1");
      expect((await datagram(from))[0]).toBe("peer");
    });

    it("twice fails with ERR_SOCKET_DGRAM_IS_CONNECTED, and so does send with a port", async () => {
      const [, from, port] = await two();
      from.connect(port, "127.0.0.1");
      expect(thrown(() => from.connect(port)).code).toBe("ERR_SOCKET_DGRAM_IS_CONNECTED");
      await once(from, "connect");
      expect(thrown(() => from.connect(port)).code).toBe("ERR_SOCKET_DGRAM_IS_CONNECTED");
      expect(thrown(() => from.send("x", 0, 1, port, "127.0.0.1")).code).toBe("ERR_SOCKET_DGRAM_IS_CONNECTED");
      expect(thrown(() => from.send("x", port, "127.0.0.1", () => {})).code).toBe("ERR_SOCKET_DGRAM_IS_CONNECTED");
    });

    it("can be undone, once", async () => {
      const [to, from, port] = await two();
      await new Promise<void>((resolve) => from.connect(port, "127.0.0.1", resolve));
      from.disconnect();
      expect(thrown(() => from.remoteAddress()).code).toBe("ERR_SOCKET_DGRAM_NOT_CONNECTED");
      expect(thrown(() => from.disconnect()).code).toBe("ERR_SOCKET_DGRAM_NOT_CONNECTED");
      from.send("again free", port, "127.0.0.1");
      expect((await datagram(to))[0]).toBe("again free");
    });

    it("shows that nobody listens: ECONNREFUSED, from receive or from send", async () => {
      const [to, from, port] = await two();
      await new Promise<void>((resolve) => from.connect(port, "127.0.0.1", resolve));
      await new Promise<void>((resolve) => to.close(resolve));
      const failed = failure(from);
      from.send("anybody there?");
      expect(await failed).toMatchObject({ code: "ECONNREFUSED", syscall: "recvmsg", message: "recvmsg ECONNREFUSED" });
    });

    it.each([0, -1, 65536, "x", null])("refuses %j as a port", (port) => {
      const socket = stage.socket(dgram.createSocket("udp4"));
      expect(thrown(() => socket.connect(port as number)).code).toBe("ERR_SOCKET_BAD_PORT");
    });
  });

  describe("close", () => {
    it("emits 'close' later, and calls back", async () => {
      const socket = await stage.bound(dgram);
      let isClosed = false;
      const closing = new Promise<void>((resolve) => {
        expect(socket.close(resolve)).toBe(socket);
      });
      socket.on("close", () => {
        isClosed = true;
      });
      expect(isClosed).toBe(false);
      await closing;
      await until(() => isClosed);
    });

    it("before bind leaves nothing that could be connected", async () => {
      const socket = stage.socket(dgram.createSocket("udp4"));
      socket.close();
      await once(socket, "close");
      expect(thrown(() => socket.connect(1)).code).toBe("ERR_SOCKET_DGRAM_NOT_RUNNING");
    });

    it("of a closed socket, and all else on it, fails with ERR_SOCKET_DGRAM_NOT_RUNNING", async () => {
      const socket = await stage.bound(dgram);
      await new Promise<void>((resolve) => socket.close(resolve));
      for (const call of [
        () => socket.close(),
        () => socket.bind(),
        () => socket.address(),
        () => socket.remoteAddress(),
        () => socket.send("x", 1, "127.0.0.1"),
        () => socket.addMembership(GROUP),
      ]) {
        expect(thrown(call).code).toBe("ERR_SOCKET_DGRAM_NOT_RUNNING");
      }
    });

    it("of an unbound socket works", async () => {
      const socket = dgram.createSocket("udp4");
      await new Promise<void>((resolve) => socket.close(resolve));
    });

    it("may be called by a listener of 'message'", async () => {
      const [to, from, port] = await two();
      let messages = 0;
      const closed = once(to, "close");
      to.on("message", () => {
        messages++;
        to.close();
      });
      for (let i = 0; i < 3; i++) from.send("x", port, "127.0.0.1");
      await closed;
      expect(messages).toBe(1);
    });

    it("comes with an aborted signal", async () => {
      const controller = new AbortController();
      const socket = await stage.bound(dgram, { signal: controller.signal });
      const closed = once(socket, "close");
      controller.abort();
      await closed;
    });

    it("is what asyncDispose does", async () => {
      const socket = dgram.createSocket("udp4");
      const closed = once(socket, "close");
      await socket[Symbol.asyncDispose]();
      await closed;
    });
  });

  describe("options", () => {
    it("setTTL and setMulticastTTL return what they set, and refuse what cannot be", async () => {
      const socket = await stage.bound(dgram);
      expect(socket.setTTL(16)).toBe(16);
      expect(socket.setMulticastTTL(0)).toBe(0);
      expect(thrown(() => socket.setTTL("x" as never)).code).toBe("ERR_INVALID_ARG_TYPE");
      expect(thrown(() => socket.setTTL(256))).toMatchObject({ code: "EINVAL", syscall: "setTTL" });
      expect(thrown(() => socket.setTTL(0)).code).toBe("EINVAL");
      expect(thrown(() => socket.setMulticastTTL(256))).toMatchObject({ code: "EINVAL", syscall: "setMulticastTTL" });
    });

    it("setBroadcast allows a send to all", async () => {
      const socket = await stage.bound(dgram);
      const send = (): Promise<NodeJS.ErrnoException | null> =>
        new Promise((resolve) => socket.send("x", 9, "255.255.255.255", resolve));
      expect((await send())?.code).toBe("EACCES");
      socket.setBroadcast(true);
      expect((await send())?.code).not.toBe("EACCES");
    });

    it("setMulticastLoopback returns what it set", async () => {
      const socket = await stage.bound(dgram);
      expect(socket.setMulticastLoopback(true)).toBe(true);
      expect(socket.setMulticastLoopback(false)).toBe(false);
    });

    it("are refused with EBADF before bind", () => {
      const socket = stage.socket(dgram.createSocket("udp4"));
      expect(thrown(() => socket.setBroadcast(true))).toMatchObject({ code: "EBADF", syscall: "setBroadcast" });
      expect(thrown(() => socket.setTTL(1))).toMatchObject({ code: "EBADF", syscall: "setTTL" });
      expect(thrown(() => socket.setMulticastTTL(1)).code).toBe("EBADF");
      expect(thrown(() => socket.setTTL(0)).code).toBe("EINVAL");
      expect(thrown(() => socket.setMulticastTTL(256)).code).toBe("EINVAL");
      expect(thrown(() => socket.setMulticastLoopback(true)).code).toBe("EBADF");
    });

    it("set buffer sizes, which the kernel doubles", async () => {
      const socket = await stage.bound(dgram);
      socket.setRecvBufferSize(8192);
      socket.setSendBufferSize(8192);
      expect([socket.getRecvBufferSize(), socket.getSendBufferSize()]).toEqual([16_384, 16_384]);
      const other = await stage.bound(dgram, { recvBufferSize: 10_000, sendBufferSize: 15_000 });
      expect([other.getRecvBufferSize(), other.getSendBufferSize()]).toEqual([20_000, 30_000]);
    });

    it("refuse buffer sizes that cannot be", async () => {
      const socket = await stage.bound(dgram);
      for (const size of [-1, Number.POSITIVE_INFINITY, "x", 1.5]) {
        expect(thrown(() => socket.setRecvBufferSize(size as number)).code).toBe("ERR_SOCKET_BAD_BUFFER_SIZE");
      }
    });

    it("buffer sizes of an unbound socket fail with ERR_SOCKET_BUFFER_SIZE", () => {
      const socket = stage.socket(dgram.createSocket("udp4"));
      const error = thrown(() => socket.getSendBufferSize()) as NodeJS.ErrnoException & { info: object };
      expect(error.code).toBe("ERR_SOCKET_BUFFER_SIZE");
      expect(error.info).toEqual({
        errno: -9,
        code: "EBADF",
        message: "bad file descriptor",
        syscall: "uv_send_buffer_size",
      });
    });

    it("ref and unref return the socket, bound or not", async () => {
      for (const socket of [await stage.bound(dgram), stage.socket(dgram.createSocket("udp4"))]) {
        expect(socket.unref()).toBe(socket);
        expect(socket.ref()).toBe(socket);
      }
    });
  });

  describe("multicast", () => {
    it("is heard by who has joined the group, until it is left", async () => {
      const socket = stage.socket(dgram.createSocket("udp4"));
      await new Promise<void>((resolve) => socket.bind(0, "0.0.0.0", resolve));
      const { port } = socket.address();
      socket.addMembership(GROUP, "127.0.0.1");
      const sender = await stage.bound(dgram);
      sender.setMulticastInterface("127.0.0.1");
      sender.setMulticastLoopback(true);
      sender.send("to the group", port, GROUP);
      expect((await datagram(socket))[0]).toBe("to the group");
      socket.dropMembership(GROUP, "127.0.0.1");
      expect(thrown(() => socket.dropMembership(GROUP, "127.0.0.1"))).toMatchObject({
        code: "EADDRNOTAVAIL",
        syscall: "dropMembership",
      });
    });

    it("is heard from one source alone, if so wanted", async () => {
      const socket = stage.socket(dgram.createSocket("udp4"));
      await new Promise<void>((resolve) => socket.bind(0, "0.0.0.0", resolve));
      socket.addSourceSpecificMembership("127.0.0.1", SOURCE_GROUP, "127.0.0.1");
      const sender = await stage.bound(dgram);
      sender.setMulticastInterface("127.0.0.1");
      sender.send("from the source", socket.address().port, SOURCE_GROUP);
      expect((await datagram(socket))[0]).toBe("from the source");
      socket.dropSourceSpecificMembership("127.0.0.1", SOURCE_GROUP, "127.0.0.1");
    });

    it("refuses what is no group, and no interface", async () => {
      const socket = await stage.bound(dgram);
      expect(thrown(() => socket.addMembership(undefined as never)).code).toBe("ERR_MISSING_ARGS");
      expect(thrown(() => socket.addMembership("127.0.0.1"))).toMatchObject({
        code: "EINVAL",
        syscall: "addMembership",
      });
      expect(thrown(() => socket.setMulticastInterface(1 as never)).code).toBe("ERR_INVALID_ARG_TYPE");
      expect(thrown(() => socket.setMulticastInterface("no address"))).toMatchObject({
        code: "EINVAL",
        syscall: "setMulticastInterface",
      });
    });

    it("binds an unbound socket when it joins", async () => {
      const socket = stage.socket(dgram.createSocket("udp4"));
      socket.addMembership(GROUP, "127.0.0.1");
      expect(socket.address().port).toBeGreaterThan(0);
    });
  });

  describe("createSocket", () => {
    it.each(["udp", "tcp4", "", null, undefined, {}, 4])("refuses %j as a type", (type) => {
      expect(thrown(() => dgram.createSocket(type as never)).code).toBe("ERR_SOCKET_BAD_TYPE");
    });

    it("refuses a look-up that is none, and a signal that is none", () => {
      const refused = (options: object): string | undefined =>
        thrown(() => dgram.createSocket({ type: "udp4", ...options } as never)).code;
      expect(refused({ lookup: "x" })).toBe("ERR_INVALID_ARG_TYPE");
      expect(refused({ signal: {} })).toBe("ERR_INVALID_ARG_TYPE");
    });
  });

  it("keeps Node alive while bound, unless unref'd", () => {
    const specifier = name === "node:dgram" ? "node:dgram" : import.meta.resolve("../../dist/compat/dgram.js");
    const script = `
      import { createSocket } from ${JSON.stringify(specifier)};
      const socket = createSocket("udp4").bind(0, "127.0.0.1", () => {
        setTimeout(() => { console.log("still alive"); socket.unref(); }, 50).unref();
      });
    `;
    const { status, stdout } = spawnSync(process.execPath, ["--input-type=module", "-e", script], {
      encoding: "utf8",
      timeout: 50_000,
    });
    expect({ status, stdout }).toEqual({ status: 0, stdout: "still alive\n" });
  });
});
