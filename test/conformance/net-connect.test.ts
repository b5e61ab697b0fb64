/** Behaviours of `net.connect` that Node documents, asserted of Node's own and of ours. */
import { spawnSync } from "node:child_process";
import { once } from "node:events";
import { BlockList, type LookupFunction } from "node:net";
import { connect, listenSync } from "portolan";
import * as portolanNet from "portolan/net";
import { describe, expect, it } from "vitest";
import { closed, faces, failure, Stage, text, thrown, told, unusedPort } from "../support/net-faces.ts";

describe.each(faces)("connecting by %s", (name, net) => {
  const stage = new Stage();
  const hello = (): Promise<number> => stage.listen(net.createServer((socket) => socket.end("hello")));
  const lookupThat =
    (...answers: { address: string; family: number }[]): LookupFunction =>
    (_host, options, callback) => {
      const [first] = answers;
      process.nextTick(() => {
        if (options.all) callback(null, answers);
        else callback(null, first!.address, first!.family);
      });
    };

  describe("takes", () => {
    it("a port and a host", async () => {
      expect(await text(stage.socket(net.connect(await hello(), "127.0.0.1")))).toBe("hello");
    });

    it("a port alone, which is this host's", async () => {
      expect(await text(stage.socket(net.connect(await hello())))).toBe("hello");
    });

    it("a port as decimal text", async () => {
      const port = String(await hello()) as unknown as number;
      expect(await text(stage.socket(net.connect({ port, host: "127.0.0.1" })))).toBe("hello");
    });

    it("a name, which it looks up and tells of", async () => {
      const port = await hello();
      const socket = stage.socket(net.connect({ port, host: "localhost", family: 4 }));
      const [error, address, family, host] = await once(socket, "lookup");
      expect([error, address, family, host]).toEqual([null, "127.0.0.1", 4, "localhost"]);
      expect(await text(socket)).toBe("hello");
    });

    it("a look-up of the program's own", async () => {
      const port = await hello();
      const lookup = lookupThat({ address: "127.0.0.1", family: 4 });
      expect(await text(stage.socket(net.connect({ port, host: "no.such.name", lookup })))).toBe("hello");
    });

    it("an own address and an own port to connect from", async () => {
      const port = await hello();
      const localPort = await unusedPort();
      const socket = stage.socket(net.connect({ port, host: "127.0.0.1", localAddress: "127.0.0.1", localPort }));
      await once(socket, "connect");
      expect([socket.localAddress, socket.localPort]).toEqual(["127.0.0.1", localPort]);
    });

    it("a listener for 'connect'", async () => {
      const port = await hello();
      await new Promise<void>((resolve) => stage.socket(net.connect(port, "127.0.0.1", resolve)));
    });

    it("writes before the connection is there", async () => {
      const port = await stage.listen(net.createServer({ allowHalfOpen: true }, (socket) => socket.pipe(socket)));
      const socket = stage.socket(net.connect(port, "127.0.0.1"));
      expect(socket.write("early ")).toBe(true);
      socket.end("bird");
      expect(await text(socket)).toBe("early bird");
    });
  });

  it("says 'connect' and then 'ready'", async () => {
    const socket = stage.socket(net.connect(await hello(), "127.0.0.1"));
    const events: string[] = [];
    for (const event of ["ready", "connect", "end", "close"]) socket.on(event, () => events.push(event));
    await closed(socket.resume());
    expect(events).toEqual(["connect", "ready", "end", "close"]);
  });

  it("says whom it attempts", async () => {
    const port = await hello();
    const socket = stage.socket(net.connect({ port, host: "127.0.0.1" }));
    expect(await once(socket, "connectionAttempt")).toEqual(["127.0.0.1", port, 4]);
  });

  describe("fails with", () => {
    it("ECONNREFUSED where nobody listens", async () => {
      const port = await unusedPort();
      const socket = stage.socket(net.connect(port, "127.0.0.1"));
      const error = await failure(socket);
      expect(told(error)).toEqual({
        message: `connect ECONNREFUSED 127.0.0.1:${port}`,
        code: "ECONNREFUSED",
        errno: -111,
        syscall: "connect",
        address: "127.0.0.1",
        port,
      });
      expect(socket.destroyed).toBe(true);
      expect(socket.connecting).toBe(false);
    });

    it("ECONNREFUSED, then 'close' with an error, and no 'connect'", async () => {
      const socket = stage.socket(net.connect(await unusedPort(), "127.0.0.1"));
      const events: unknown[] = [];
      socket.on("connect", () => events.push("connect"));
      socket.on("error", () => events.push("error"));
      socket.on("close", (hadError) => events.push(hadError));
      await closed(socket);
      expect(events).toEqual(["error", true]);
    });

    it("the own end in the message, where it was chosen", async () => {
      const [port, localPort] = [await unusedPort(), await unusedPort()];
      const socket = net.connect({ port, host: "127.0.0.1", localAddress: "127.0.0.1", localPort });
      const error = await failure(stage.socket(socket));
      expect(error.message).toBe(`connect ECONNREFUSED 127.0.0.1:${port} - Local (127.0.0.1:${localPort})`);
      expect(error).toMatchObject({ localAddress: "127.0.0.1", localPort });
    });

    it("ENOENT for a unix socket's path that is not there", async () => {
      const path = stage.path();
      expect(told(await failure(stage.socket(net.connect(path))))).toEqual({
        message: `connect ENOENT ${path}`,
        code: "ENOENT",
        errno: -2,
        syscall: "connect",
        address: path,
        port: undefined,
      });
    });

    it("EADDRNOTAVAIL for an own address that this machine does not have", async () => {
      const socket = net.connect({ port: await hello(), host: "127.0.0.1", localAddress: "192.0.2.1" });
      expect(await failure(stage.socket(socket))).toMatchObject({ code: "EADDRNOTAVAIL", syscall: "bind" });
    });

    it("the look-up's own error", async () => {
      const lookup: LookupFunction = (_host, _options, callback) => {
        process.nextTick(callback, Object.assign(new Error("no"), { code: "ENOTFOUND" }), "");
      };
      const socket = net.connect({ port: 1, host: "no.such.name", lookup });
      const looked = once(socket, "lookup");
      expect((await failure(stage.socket(socket))).code).toBe("ENOTFOUND");
      expect((await looked)[0]).toBeInstanceOf(Error);
    });

    it("ERR_INVALID_IP_ADDRESS when the look-up answers with none", async () => {
      const lookup = lookupThat({ address: "not an address", family: 4 });
      const one = net.connect({ port: 1, host: "no.such.name", lookup, family: 4 });
      expect((await failure(stage.socket(one))).code).toBe("ERR_INVALID_IP_ADDRESS");
      const all = net.connect({ port: 1, host: "no.such.name", lookup });
      expect((await failure(stage.socket(all))).code).toBe("ERR_INVALID_IP_ADDRESS");
    });

    it("ERR_INVALID_ADDRESS_FAMILY when the look-up answers with none", async () => {
      const lookup = lookupThat({ address: "127.0.0.1", family: 99 });
      const socket = net.connect({ port: 1, host: "no.such.name", lookup, family: 4 });
      expect(await failure(stage.socket(socket))).toMatchObject({ code: "ERR_INVALID_ADDRESS_FAMILY", port: 1 });
    });

    it("ERR_SOCKET_CLOSED_BEFORE_CONNECTION for what was written before", async () => {
      const socket = stage.socket(net.connect(await hello(), "127.0.0.1"));
      const written = new Promise<NodeJS.ErrnoException | null | undefined>((resolve) => socket.write("x", resolve));
      socket.destroy();
      expect((await written)?.code).toMatch(/^ERR_SOCKET_CLOSED_BEFORE_CONNECTION$|^ERR_STREAM_DESTROYED$/);
    });
  });

  it("is called off by destroy", async () => {
    const socket = stage.socket(net.connect(await hello(), "127.0.0.1"));
    socket.on("connect", () => expect.unreachable("a destroyed socket connects"));
    socket.destroy();
    expect(socket.connecting).toBe(false);
    expect(await closed(socket)).toBe(false);
  });

  it("is called off by destroy while the look-up runs", async () => {
    let answer: (() => void) | undefined;
    const lookup: LookupFunction = (_host, options, callback) => {
      answer = () =>
        options.all ? callback(null, [{ address: "127.0.0.1", family: 4 }]) : callback(null, "127.0.0.1", 4);
    };
    const socket = stage.socket(net.connect({ port: await hello(), host: "no.such.name", lookup }));
    socket.on("connect", () => expect.unreachable("a destroyed socket connects"));
    const closing = closed(socket.destroy());
    answer?.();
    await closing;
    await new Promise((resolve) => setImmediate(resolve));
  });

  describe("to a name with several addresses", () => {
    it("tries one after the other, the families in turn", async () => {
      const port = await hello();
      const lookup = lookupThat(
        { address: "::1", family: 6 },
        { address: "127.0.0.9", family: 4 },
        { address: "127.0.0.1", family: 4 },
      );
      const socket = stage.socket(net.connect({ port, host: "no.such.name", lookup, autoSelectFamily: true }));
      const failures: unknown[] = [];
      socket.on("connectionAttemptFailed", (address, failedPort, family, error) => {
        failures.push([address, failedPort, family, (error as NodeJS.ErrnoException).code]);
      });
      expect(await text(socket)).toBe("hello");
      expect(failures).toEqual([
        ["::1", port, 6, "ECONNREFUSED"],
        ["127.0.0.9", port, 4, "ECONNREFUSED"],
      ]);
      expect(
        (socket as unknown as { autoSelectFamilyAttemptedAddresses: string[] }).autoSelectFamilyAttemptedAddresses,
      ).toEqual([`::1:${port}`, `127.0.0.9:${port}`, `127.0.0.1:${port}`]);
    });

    it("fails with all their errors", async () => {
      const port = await unusedPort();
      const lookup = lookupThat({ address: "127.0.0.1", family: 4 }, { address: "::1", family: 6 });
      const socket = net.connect({ port, host: "no.such.name", lookup, autoSelectFamily: true });
      const error = (await failure(stage.socket(socket))) as unknown as AggregateError & { code: string };
      expect(error).toBeInstanceOf(AggregateError);
      expect(error.code).toBe("ECONNREFUSED");
      expect(error.errors.map(({ message }: Error) => message)).toEqual([
        `connect ECONNREFUSED 127.0.0.1:${port}`,
        `connect ECONNREFUSED ::1:${port}`,
      ]);
    });

    it("gives an attempt that hangs a limit, and goes on to the next", async () => {
      const port = await hello();
      // A listener that accepts nobody and whose queue is full: the kernel drops what comes then. listen(2)
      using deaf = listenSync(`tcp://127.0.0.9:${port}`, { backlog: 0 });
      using _queued = await connect(`tcp://127.0.0.9:${port}`);
      expect(deaf.closed).toBe(false);
      const lookup = lookupThat({ address: "127.0.0.9", family: 4 }, { address: "127.0.0.1", family: 4 });
      const socket = stage.socket(
        net.connect({ port, host: "no.such.name", lookup, autoSelectFamily: true, autoSelectFamilyAttemptTimeout: 50 }),
      );
      const timeouts: unknown[] = [];
      socket.on("connectionAttemptTimeout", (...args) => timeouts.push(args));
      expect(await text(socket)).toBe("hello");
      expect(timeouts).toEqual([["127.0.0.9", port, 4]]);
    });

    it("tries only one without autoSelectFamily", async () => {
      const port = await hello();
      const lookup = lookupThat({ address: "127.0.0.9", family: 4 }, { address: "127.0.0.1", family: 4 });
      const socket = net.connect({ port, host: "no.such.name", lookup, autoSelectFamily: false });
      expect(await failure(stage.socket(socket))).toMatchObject({ code: "ECONNREFUSED", address: "127.0.0.9" });
    });

    it("asks for one family when told", async () => {
      const seen: unknown[] = [];
      const lookup: LookupFunction = (_host, options, callback) => {
        seen.push(options.family, options.all ?? false);
        process.nextTick(callback, null, "127.0.0.1", 4);
      };
      const socket = net.connect({
        port: await hello(),
        host: "no.such.name",
        lookup,
        family: 4,
        autoSelectFamily: true,
      });
      await once(stage.socket(socket), "connect");
      expect(seen).toEqual([4, false]);
    });
  });

  describe("refuses", () => {
    it.each([[[]], [[{}]], [[{ host: "127.0.0.1" }]], [[undefined]]])("%j, which has neither port nor path", (args) => {
      const error = thrown(() => Reflect.apply(net.connect, undefined, args));
      expect(error.code).toBe("ERR_MISSING_ARGS");
      expect(error).toBeInstanceOf(TypeError);
    });

    it.each([-1, 65536, 1.5, Number.NaN, "0x10000", " "])("%j as a port", (port) => {
      const error = thrown(() => net.connect({ port: port as number }));
      expect(error.code).toBe("ERR_SOCKET_BAD_PORT");
      expect(error).toBeInstanceOf(RangeError);
    });

    it.each([true, {}, [], Symbol("port")])("%o as a port", (port) => {
      const error = thrown(() => net.connect({ port: port as never }));
      expect(error.code).toBe("ERR_INVALID_ARG_TYPE");
      expect(error.message).toMatch(/^The "options\.port" property must be one of type number or string\. Received /);
    });

    it("an own address that is none", () => {
      const error = thrown(() => net.connect({ port: 1, host: "127.0.0.1", localAddress: "nowhere" }));
      expect(error.code).toBe("ERR_INVALID_IP_ADDRESS");
    });

    it("an own port that is no number", () => {
      const error = thrown(() => net.connect({ port: 1, host: "127.0.0.1", localPort: "x" as never }));
      expect(error.code).toBe("ERR_INVALID_ARG_TYPE");
    });

    it.each(["x", 1, {}, []])("%j as a look-up", (lookup) => {
      const error = thrown(() => net.connect({ port: 1, host: "no.such.name", lookup: lookup as never }));
      expect(error.code).toBe("ERR_INVALID_ARG_TYPE");
    });

    it("autoSelectFamily that is no boolean, and a time for an attempt that is none", () => {
      const options = { port: 1, host: "no.such.name" };
      expect(thrown(() => net.connect({ ...options, autoSelectFamily: "yes" as never })).code).toBe(
        "ERR_INVALID_ARG_TYPE",
      );
      expect(thrown(() => net.connect({ ...options, autoSelectFamilyAttemptTimeout: 0 })).code).toBe(
        "ERR_OUT_OF_RANGE",
      );
    });
  });

  it("keeps Node alive while connected, unless unref'd", () => {
    const specifier = name === "node:net" ? "node:net" : import.meta.resolve("../../dist/compat/net.js");
    const script = `
      import { createServer, connect } from ${JSON.stringify(specifier)};
      const server = createServer((socket) => { socket.unref(); socket.resume(); });
      server.listen(0, "127.0.0.1", () => {
        const socket = connect(server.address().port, "127.0.0.1", () => {
          server.unref();
          setTimeout(() => { console.log("still alive"); socket.unref(); }, 50).unref();
        });
      });
    `;
    const { status, stdout } = spawnSync(process.execPath, ["--input-type=module", "-e", script], {
      encoding: "utf8",
      timeout: 50_000,
    });
    expect({ status, stdout }).toEqual({ status: 0, stdout: "still alive\n" });
  });
});

describe("portolan/net alone", () => {
  const stage = new Stage();

  // Node has the option since 22.13, and the oldest that is tested is 20.
  it("has blockList for what it connects to, and for who connects", async () => {
    const blockList = new BlockList();
    blockList.addAddress("127.0.0.1");
    const net = portolanNet as unknown as (typeof faces)[number][1];
    const port = await stage.listen(net.createServer((socket) => socket.end("hello")));
    const socket = net.connect({ port, host: "127.0.0.1", blockList } as never);
    expect((await failure(stage.socket(socket))).code).toBe("ERR_IP_BLOCKED");
    const closedPort = await stage.listen(net.createServer({ blockList } as never));
    const refused = stage.socket(net.connect(closedPort, "127.0.0.1")).on("error", () => {});
    expect(await text(refused).catch(() => "")).toBe("");
  });
});
