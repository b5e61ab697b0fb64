/** Behaviours of `net.Server` that Node documents, asserted of Node's own and of ours. */
import { spawnSync } from "node:child_process";
import { EventEmitter, once } from "node:events";
import { closeSync, existsSync, openSync, statSync, writeFileSync } from "node:fs";
import { Worker } from "node:worker_threads";
import { listenSync } from "portolan";
import { describe, expect, it } from "vitest";
import { closed, faces, failure, type NetSocket, portOf, Stage, text, thrown, told } from "../support/net-faces.ts";

describe.each(faces)("the server of %s", (name, net) => {
  const stage = new Stage();

  describe("listen", () => {
    it("takes a port, a host and a callback, and tells address, family and port", async () => {
      const server = stage.server(net.createServer());
      await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
      expect(server.address()).toEqual({ address: "127.0.0.1", family: "IPv4", port: expect.any(Number) });
      expect(portOf(server)).toBeGreaterThan(0);
    });

    it("takes a port, a host, a backlog and a callback", async () => {
      const server = stage.server(net.createServer());
      await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", 5, resolve));
      expect(server.listening).toBe(true);
    });

    it("takes a port as decimal text", async () => {
      const server = stage.server(net.createServer());
      server.listen("0" as unknown as number);
      await once(server, "listening");
      expect(portOf(server)).toBeGreaterThan(0);
    });

    it("without a host listens on both families", async () => {
      const server = stage.server(net.createServer().listen(0));
      await once(server, "listening");
      expect(server.address()).toMatchObject({ address: "::", family: "IPv6" });
      const accepted = once(server, "connection") as Promise<[NetSocket]>;
      stage.socket(net.connect(portOf(server), "127.0.0.1"));
      const [socket] = await accepted;
      expect(socket.remoteAddress).toBe("::ffff:127.0.0.1");
      expect(socket.remoteFamily).toBe("IPv6");
    });

    it("without a host knows its address at once, and says 'listening' later", async () => {
      const server = stage.server(net.createServer().listen());
      const address = server.address();
      expect(address).not.toBeNull();
      let said = false;
      server.on("listening", () => {
        said = true;
      });
      expect(said).toBe(false);
      await once(server, "listening");
    });

    it("with a host knows its address only once it is looked up", async () => {
      const server = stage.server(net.createServer().listen(0, "localhost"));
      expect(server.address()).toBeNull();
      await once(server, "listening");
      expect(server.address()).not.toBeNull();
    });

    it("looks a host's name up", async () => {
      const server = stage.server(net.createServer().listen({ port: 0, host: "localhost" }));
      await once(server, "listening");
      expect(["127.0.0.1", "::1"]).toContain((server.address() as { address: string }).address);
    });

    it("with ipv6Only leaves IPv4 to others", async () => {
      const server = net.createServer();
      const port = await stage.listen(server, { host: "::", ipv6Only: true });
      const error = await failure(stage.socket(net.connect(port, "127.0.0.1")));
      expect(error.code).toBe("ECONNREFUSED");
    });

    it("takes a unix socket's path, whose file goes with the server", async () => {
      const path = stage.path();
      const server = stage.server(net.createServer().listen(path));
      await once(server, "listening");
      expect(server.address()).toBe(path);
      expect(statSync(path).isSocket()).toBe(true);
      await new Promise((resolve) => server.close(resolve));
      expect(existsSync(path)).toBe(false);
    });

    it("makes a unix socket writable for all when asked", async () => {
      const path = stage.path();
      const server = stage.server(net.createServer().listen({ path, readableAll: true, writableAll: true }));
      await once(server, "listening");
      expect(statSync(path).mode & 0o666).toBe(0o666);
    });

    it("takes an abstract name, which no file stands for", async () => {
      const path = `\0portolan-net-${process.pid}-${Math.random()}`;
      const server = stage.server(net.createServer((socket) => socket.end("abstract")).listen(path));
      await once(server, "listening");
      expect(await text(stage.socket(net.connect({ path })))).toBe("abstract");
    });

    it("refuses to replace a file that is there", async () => {
      const path = stage.path();
      writeFileSync(path, "not a socket");
      const server = stage.server(net.createServer().listen(path));
      const error = await failure(server);
      expect(told(error)).toEqual({
        message: `listen EADDRINUSE: address already in use ${path}`,
        code: "EADDRINUSE",
        errno: -98,
        syscall: "listen",
        address: path,
        port: -1,
      });
      expect(existsSync(path)).toBe(true);
    });

    it("tells who has the port: EADDRINUSE with code, errno, syscall, address and port", async () => {
      const first = net.createServer();
      const port = await stage.listen(first);
      const second = stage.server(net.createServer().listen(port, "127.0.0.1"));
      expect(told(await failure(second))).toEqual({
        message: `listen EADDRINUSE: address already in use 127.0.0.1:${port}`,
        code: "EADDRINUSE",
        errno: -98,
        syscall: "listen",
        address: "127.0.0.1",
        port,
      });
      expect(second.listening).toBe(false);
    });

    it("can be tried again after it failed", async () => {
      const first = net.createServer();
      const port = await stage.listen(first);
      const second = stage.server(net.createServer().listen(port, "127.0.0.1"));
      await failure(second);
      await stage.listen(second);
      expect(second.listening).toBe(true);
    });

    it("refuses an address that this machine does not have", async () => {
      const server = stage.server(net.createServer().listen(0, "192.0.2.1"));
      const error = await failure(server);
      expect(error).toMatchObject({ code: "EADDRNOTAVAIL", syscall: "listen", address: "192.0.2.1" });
    });

    it("refuses to listen twice", async () => {
      const server = net.createServer();
      await stage.listen(server);
      expect(thrown(() => server.listen(0)).code).toBe("ERR_SERVER_ALREADY_LISTEN");
    });

    it("may listen anew after it was closed", async () => {
      const server = net.createServer();
      await stage.listen(server);
      await new Promise((resolve) => server.close(resolve));
      const port = await stage.listen(server);
      expect(port).toBeGreaterThan(0);
    });

    it.each([-1, 65536, 1.5, Number.NaN, Number.POSITIVE_INFINITY, "1e9", ""])("refuses %s as a port", (port) => {
      const error = thrown(() => net.createServer().listen({ port: port as number }));
      expect(error).toBeInstanceOf(RangeError);
      expect(error.code).toBe("ERR_SOCKET_BAD_PORT");
    });

    it.each([[{}], [{ host: "localhost" }], [{ fd: -1 }], [true], [{ port: {} }], [{ path: true }]])(
      "refuses %j, which names neither port nor path",
      (options) => {
        const error = thrown(() => net.createServer().listen(options as never));
        expect(error.code).toBe("ERR_INVALID_ARG_VALUE");
        expect(error).toBeInstanceOf(TypeError);
      },
    );

    it("stops when its signal is aborted", async () => {
      const controller = new AbortController();
      const server = net.createServer();
      await stage.listen(server, { signal: controller.signal });
      const closed = once(server, "close");
      controller.abort();
      await closed;
      expect(server.listening).toBe(false);
    });

    it("refuses what is no signal", () => {
      const error = thrown(() => net.createServer().listen({ port: 0, signal: "no" as never }));
      expect(error.code).toBe("ERR_INVALID_ARG_TYPE");
    });
  });

  describe("close", () => {
    it("waits for the connections there are, and takes no new ones", async () => {
      const { server, near } = await stage.pair(net);
      const port = portOf(server);
      const events: string[] = [];
      server.close(() => events.push("closed"));
      expect(server.listening).toBe(false);
      expect((await failure(stage.socket(net.connect(port, "127.0.0.1")))).code).toBe("ECONNREFUSED");
      expect(events).toEqual([]);
      const closed = once(server, "close");
      near.destroy();
      await closed;
      expect(events).toEqual(["closed"]);
    });

    it("of a server that does not listen gives its callback ERR_SERVER_NOT_RUNNING", async () => {
      const error = await new Promise<NodeJS.ErrnoException | undefined>((resolve) =>
        net.createServer().close(resolve),
      );
      expect(error?.code).toBe("ERR_SERVER_NOT_RUNNING");
    });

    it("makes address() null", async () => {
      const server = net.createServer();
      await stage.listen(server);
      server.close();
      expect(server.address()).toBeNull();
    });

    it("is what asyncDispose does", async () => {
      const server = net.createServer();
      await stage.listen(server);
      await server[Symbol.asyncDispose]();
      expect(server.listening).toBe(false);
      await server[Symbol.asyncDispose]();
    });
  });

  describe("connections", () => {
    it("are counted", async () => {
      const { server, near } = await stage.pair(net);
      const count = (): Promise<number> =>
        new Promise((resolve) => server.getConnections((_error, connections) => resolve(connections)));
      expect(await count()).toBe(1);
      const closed = server.close() && once(server, "close");
      near.destroy();
      await closed;
      expect(await count()).toBe(0);
    });

    it("above maxConnections are dropped, with their addresses", async () => {
      const { server, near } = await stage.pair(net);
      server.maxConnections = 1;
      const dropped = once(server, "drop");
      const refused = stage.socket(net.connect(portOf(server), "127.0.0.1"));
      const [data] = await dropped;
      expect(data).toMatchObject({
        localAddress: "127.0.0.1",
        localPort: portOf(server),
        localFamily: "IPv4",
        remoteAddress: "127.0.0.1",
        remoteFamily: "IPv4",
      });
      refused.on("error", () => {});
      await once(refused, "close");
      expect(near.destroyed).toBe(false);
    });

    it("are all dropped where maxConnections is 0, as since Node 21", async () => {
      const wasNoLimit = name === "node:net" && Number(process.versions.node.split(".")[0]) < 21;
      const server = net.createServer();
      const port = await stage.listen(server);
      server.maxConnections = 0;
      const told = Promise.race(["connection", "drop"].map((event) => once(server, event).then(() => event)));
      stage.socket(net.connect(port, "127.0.0.1")).on("error", () => {});
      expect(await told).toBe(wasNoLimit ? "connection" : "drop");
    });

    it("know both their addresses", async () => {
      const { server, near, far } = await stage.pair(net);
      expect(far.localPort).toBe(portOf(server));
      expect(far.remotePort).toBe(near.localPort);
      expect(far.remoteAddress).toBe("127.0.0.1");
      expect(near.address()).toEqual({ address: "127.0.0.1", family: "IPv4", port: near.localPort });
    });

    it("are paused at first with pauseOnConnect", async () => {
      const { near, far } = await stage.pair(net, { server: { pauseOnConnect: true } });
      expect(far.isPaused()).toBe(true);
      near.end("kept");
      far.resume();
      expect(await text(far)).toBe("kept");
    });

    it("take allowHalfOpen from the server", async () => {
      const { far } = await stage.pair(net, { server: { allowHalfOpen: true } });
      expect(far.allowHalfOpen).toBe(true);
    });

    it("take the high-water mark from the server", async () => {
      const { far } = await stage.pair(net, { server: { highWaterMark: 1234 } });
      expect(far.readableHighWaterMark).toBe(1234);
      expect(far.writableHighWaterMark).toBe(1234);
    });

    it("end with what their listener's promise was rejected with, under captureRejections", async () => {
      const before = EventEmitter.captureRejections;
      EventEmitter.captureRejections = true;
      try {
        const server = net.createServer();
        server.on("connection", async (socket) => {
          rejected = failure(socket);
          throw new Error("the listener's");
        });
        let rejected: Promise<Error> | undefined;
        const port = await stage.listen(server);
        await once(stage.socket(net.connect(port, "127.0.0.1")), "close");
        expect((await rejected)?.message).toBe("the listener's");
      } finally {
        EventEmitter.captureRejections = before;
      }
    });
  });

  describe("the constructor", () => {
    it("works without new where Node's factory does", () => {
      expect(net.createServer()).toBeInstanceOf(net.Server);
    });

    it.each(["text", 1, true])("refuses %s as options", (options) => {
      const error = thrown(() => new net.Server(options as never));
      expect(error.code).toBe("ERR_INVALID_ARG_TYPE");
    });
  });

  it("listens on a descriptor that listens already", async () => {
    const fd = listenSync("tcp://127.0.0.1:0").detach();
    const server = stage.server(net.createServer((socket) => socket.end("inherited")).listen({ fd }));
    await once(server, "listening");
    expect(await text(stage.socket(net.connect(portOf(server), "127.0.0.1")))).toBe("inherited");
  });

  it("emits 'error' for a descriptor that is no socket", async () => {
    const fd = openSync("/dev/null", "r");
    try {
      const error = await failure(stage.server(net.createServer().listen({ fd })));
      expect(error).toMatchObject({ code: "EINVAL", syscall: "listen" });
    } finally {
      closeSync(fd);
    }
  });

  it("is closed when the worker that it is in is terminated, and so are its connections", async () => {
    const specifier = name === "node:net" ? "node:net" : import.meta.resolve("../../dist/compat/net.js");
    const script = `
      import { parentPort } from "node:worker_threads";
      import { createServer } from ${JSON.stringify(specifier)};
      const server = createServer((socket) => socket.write("hello"));
      server.listen(0, "127.0.0.1", () => parentPort.postMessage(server.address().port));
    `;
    const worker = new Worker(new URL(`data:text/javascript,${encodeURIComponent(script)}`));
    const [port] = (await once(worker, "message")) as [number];
    const socket = stage.socket(net.connect(port, "127.0.0.1"));
    await once(socket, "data");
    const closing = closed(socket.resume().on("error", () => {}));
    await worker.terminate();
    await closing;
    expect((await failure(stage.socket(net.connect(port, "127.0.0.1")))).code).toBe("ECONNREFUSED");
  });

  it("that is unref'd does not keep Node alive", () => {
    const specifier = name === "node:net" ? "node:net" : import.meta.resolve("../../dist/compat/net.js");
    const script = `
      import { createServer } from ${JSON.stringify(specifier)};
      const server = createServer().listen(0, "127.0.0.1", () => { server.unref(); console.log("listening"); });
    `;
    const { status, stdout } = spawnSync(process.execPath, ["--input-type=module", "-e", script], {
      encoding: "utf8",
      timeout: 50_000,
    });
    expect({ status, stdout }).toEqual({ status: 0, stdout: "listening\n" });
  });
});
