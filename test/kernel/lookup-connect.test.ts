/** Connecting by name to real listeners on ::1 and 127.0.0.1: who wins, who fails, and what is left of the losers. */
import { readdirSync, readlinkSync } from "node:fs";
import { ConnectError, connect, connectByName, getaddrinfoSync, LookupError, Socket } from "portolan";
import { closeThreadReactor } from "portolan/reactor";
import { afterAll, describe, expect, it } from "vitest";
import { failureOf } from "../support/socket-pairs.ts";

afterAll(closeThreadReactor);

/** The shortest that RFC 8305 allows. */
const attemptDelayMs = 10;

/** A listener, at a port of its own or at a given one. */
function listenerAt(address: "127.0.0.1" | "::1", port = 0, backlog = 16): Socket {
  const family = address === "::1" ? "inet6" : "inet";
  const listener = new Socket(family, "stream");
  listener.bind({ family, address, port });
  listener.listen(backlog);
  return listener;
}

function portOf(socket: Socket): number {
  const address = socket.localAddress;
  if (!("port" in address)) throw new Error("no port");
  return address.port;
}

/** Listeners on one port of both addresses. A port that is free at one may be taken at the other. */
function listenersAtBoth(backlog: { readonly six: number; readonly four: number }): [six: Socket, four: Socket] {
  for (let attempt = 0; attempt < 100; attempt++) {
    const four = listenerAt("127.0.0.1", 0, backlog.four);
    try {
      return [listenerAt("::1", portOf(four), backlog.six), four];
    } catch {
      four.close();
    }
  }
  throw new Error("no port is free at both addresses");
}

/** Fills a listener's queue, so that it drops further connections: a host that does not answer. */
async function fill(listener: Socket): Promise<Socket[]> {
  const clients: Socket[] = [];
  for (;;) {
    const client = new Socket(listener.family, "stream");
    clients.push(client);
    try {
      await client.connect(listener.localAddress, { timeoutMs: 100 });
    } catch {
      return clients;
    }
  }
}

function closeAll(sockets: readonly Socket[]): void {
  for (const socket of sockets) socket.close();
}

/** How many sockets this process has open. */
function openSockets(): number {
  return readdirSync("/proc/self/fd").filter((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`).startsWith("socket:");
    } catch {
      return false;
    }
  }).length;
}

it("gets ::1 and 127.0.0.1 for this machine, in this order", () => {
  expect(getaddrinfoSync(null, 80, { type: "stream" }).map(({ family }) => family)).toEqual(["inet6", "inet"]);
});

describe("connectByName", () => {
  it("connects to the preferred address where both answer", async () => {
    const [six, four] = listenersAtBoth({ six: 16, four: 16 });
    using _six = six;
    using _four = four;
    using socket = await connectByName(null, portOf(six));
    expect(socket.remoteAddress).toMatchObject({ family: "inet6", address: "::1" });
    using peer = await six.accept();
    await socket.send("x");
    expect((await peer.recv(1)).toString()).toBe("x");
  });

  it.each(["127.0.0.1", "::1"] as const)("connects to %s where only that listens", async (address) => {
    using listener = listenerAt(address);
    using socket = await connectByName(null, portOf(listener));
    expect(socket.remoteAddress).toMatchObject({ address, port: portOf(listener) });
  });

  it("goes on with the next address when the first is silent, and closes that one's socket", async () => {
    const [six, four] = listenersAtBoth({ six: 0, four: 16 });
    using _six = six;
    using _four = four;
    const queue = await fill(six);
    const before = openSockets();
    using socket = await connectByName(null, portOf(six), { attemptDelayMs });
    expect(socket.remoteAddress).toMatchObject({ family: "inet", address: "127.0.0.1" });
    await expect.poll(openSockets).toBe(before + 1);
    closeAll(queue);
  });

  it("reports all attempts where every address fails", async () => {
    const listener = listenerAt("127.0.0.1");
    const port = portOf(listener);
    listener.close();
    const error = await failureOf(() => connectByName(null, port));
    expect(error).toBeInstanceOf(ConnectError);
    expect(error).toBeInstanceOf(AggregateError);
    expect(error).toMatchObject({
      code: "ECONNREFUSED",
      syscall: "connect",
      address: "::1",
      port,
      service: String(port),
    });
    expect((error as ConnectError).errors).toEqual([
      expect.objectContaining({ code: "ECONNREFUSED", address: "::1", port }),
      expect.objectContaining({ code: "ECONNREFUSED", address: "127.0.0.1", port }),
    ]);
    expect(error.message).toContain("none of its 2 addresses could be reached");
  });

  it("reports the error itself where there is one address", async () => {
    const listener = listenerAt("127.0.0.1");
    const port = portOf(listener);
    listener.close();
    const error = await failureOf(() => connectByName("127.0.0.1", port));
    expect(error).toMatchObject({ name: "SystemError", code: "ECONNREFUSED", address: "127.0.0.1", port });
  });

  it("ends at the caller's limit, or when told to, and leaves no socket behind", async () => {
    const [six, four] = listenersAtBoth({ six: 0, four: 0 });
    using _six = six;
    using _four = four;
    const queue = [...(await fill(six)), ...(await fill(four))];
    const before = openSockets();
    const late = await failureOf(() => connectByName(null, portOf(six), { attemptDelayMs, timeoutMs: 50 }));
    expect(late).toMatchObject({ name: "SystemError", code: "ETIMEDOUT", syscall: "connect" });
    expect(late.message).toContain("[::1]");

    const controller = new AbortController();
    const reason = new Error("enough");
    const pending = connectByName(null, portOf(six), { attemptDelayMs, signal: controller.signal });
    setImmediate(() => controller.abort(reason));
    await expect(pending).rejects.toBe(reason);
    await expect.poll(openSockets).toBe(before);
    closeAll(queue);
  });

  it("looks both families up separately where that is asked for", async () => {
    using listener = listenerAt("127.0.0.1");
    const options = { separateLookups: true, numericHost: true, attemptDelayMs };
    using socket = await connectByName("127.0.0.1", portOf(listener), options);
    expect(socket.remoteAddress).toMatchObject({ address: "127.0.0.1" });
    using other = await connectByName(null, portOf(listener), options);
    expect(other.remoteAddress).toMatchObject({ address: "127.0.0.1" });
    const failure = await failureOf(() => connectByName("venus", 80, options));
    expect(failure).toMatchObject({ code: "EAI_NONAME" });
  });

  it("binds and sets options before it connects, within the family of the own address", async () => {
    using listener = listenerAt("127.0.0.1");
    const local = "tcp://127.0.0.2:0";
    const options = { TCP_NODELAY: true } as const;
    using socket = await connectByName(null, portOf(listener), { local, options });
    expect(socket.localAddress).toMatchObject({ address: "127.0.0.2" });
    expect(socket.getOption("TCP_NODELAY")).toBe(true);
  });

  it("fails as the look-up does", async () => {
    const error = await failureOf(() => connectByName("venus", "http", { numericHost: true }));
    expect(error).toBeInstanceOf(LookupError);
    expect(error).toMatchObject({ code: "EAI_NONAME", hostname: "venus", service: "http" });
    expect(await failureOf(() => connectByName("127.0.0.1", 80, { attemptDelayMs: 1 }))).toBeInstanceOf(RangeError);
    expect(await failureOf(() => connectByName("127.0.0.1", 80, { timeoutMs: -1 }))).toBeInstanceOf(RangeError);
    const options = { NO_SUCH_OPTION: 1 } as never;
    expect(await failureOf(() => connectByName("127.0.0.1", 80, { options }))).toBeInstanceOf(TypeError);
  });
});

describe("connect", () => {
  it("takes a host and a service, or an endpoint with a host's name", async () => {
    using listener = listenerAt("127.0.0.1");
    const port = portOf(listener);
    for (const open of [
      () => connect("localhost", port),
      () => connect("localhost", String(port), { timeoutMs: 30_000 }),
      () => connect(`tcp://localhost:${port}`),
      () => connect(`tcp://localhost:${port}`, { timeoutMs: 30_000 }),
    ]) {
      using socket = await open();
      expect(socket.remoteAddress).toMatchObject({ address: "127.0.0.1", port });
    }
    using datagrams = await connect("udp://localhost:7");
    expect(datagrams.remoteAddress).toMatchObject({ port: 7 });
  });
});
