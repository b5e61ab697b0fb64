/**
 * `portolan sink` and `portolan nc`: what is printed at each step is what the kernel says to others too (ss, and /proc/net/tcp
 * read here), TIME_WAIT refuses a rerun, and a netcat learns that its peer is gone.
 */
import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { readFileSync, writeFileSync } from "node:fs";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { join } from "node:path";
import { describe, expect, it, type TestContext } from "vitest";
import { needs, Program, portolan, scratchFolder, start } from "./portolan.ts";

const UNAVAILABLE = 69;
const USAGE = 64;
const NOINPUT = 66;
const SIGPIPE_STATUS = 141;
/** include/net/tcp_states.h, as ss(8) calls them, by their names in `portolan sink`. */
const NAMES_OF_SS: Readonly<Record<string, string>> = {
  CLOSE_WAIT: "CLOSE-WAIT",
  ESTABLISHED: "ESTAB",
  FIN_WAIT2: "FIN-WAIT-2",
  LISTEN: "LISTEN",
  TIME_WAIT: "TIME-WAIT",
};
/** The same as the kernel's numbers. */
const NUMBERS: Readonly<Record<string, string>> = {
  CLOSE_WAIT: "08",
  ESTABLISHED: "01",
  FIN_WAIT2: "05",
  LISTEN: "0A",
  TIME_WAIT: "06",
};

interface Shown {
  readonly state: string;
  readonly local: string;
  readonly remote: string;
  readonly rxQueue: number;
  readonly txQueue: number;
}

/** A sink that takes a step for each line. */
class Sink implements AsyncDisposable {
  readonly program: Program;
  #looks = 0;

  constructor(...args: string[]) {
    this.program = start(["sink", "--json", ...args]);
  }

  /** What it has shown at its next step. */
  async look(step?: string): Promise<Shown[]> {
    if (step !== undefined) this.program.write(`${step}\n`);
    this.#looks += 1;
    const found = await this.program.until("a look", () => this.program.events("kernel")[this.#looks - 1]);
    return found.sockets as Shown[];
  }

  /** Looks until it is so: what the kernel does by itself takes its time. */
  async lookUntil(isSo: (sockets: Shown[]) => boolean): Promise<Shown[]> {
    for (;;) {
      const sockets = await this.look("show");
      if (isSo(sockets)) return sockets;
    }
  }

  get port(): number {
    return this.program.events("bind")[0]?.port as number;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.program[Symbol.asyncDispose]();
  }
}

/** Half-open sockets of this process, reset at the end of the block. */
class Clients implements Disposable {
  readonly #sockets: Socket[] = [];

  dial(port: number): Socket {
    const socket = connect({ host: "127.0.0.1", port, allowHalfOpen: true });
    socket.on("error", () => {});
    this.#sockets.push(socket);
    return socket;
  }

  async connected(port: number): Promise<Socket> {
    const socket = this.dial(port);
    await once(socket, "connect");
    return socket;
  }

  [Symbol.dispose](): void {
    for (const socket of this.#sockets) socket.destroy();
  }
}

const has =
  (state: string, fields: Partial<Shown> = {}) =>
  (sockets: readonly Shown[]): boolean =>
    sockets.some(
      (socket) =>
        socket.state === state &&
        Object.entries(fields).every(([name, value]) => socket[name as keyof Shown] === value),
    );

/** What ss(8) says of a port, in its own words; of a listener, its backlog stands where others' sent bytes do. */
function askSs(port: number): string[] {
  const filter = `sport = :${port} or dport = :${port}`;
  return execFileSync("ss", ["-tanH", filter], { encoding: "latin1" })
    .trim()
    .split("\n")
    .filter(Boolean)
    .map((line) => line.trim().split(/\s+/).slice(0, 5).join(" "))
    .sort();
}

function inWordsOfSs(sockets: readonly Shown[], backlog: number): string[] {
  return sockets
    .map(({ state, rxQueue, txQueue, local, remote }) => {
      const isListener = state === "LISTEN";
      const to = isListener ? "0.0.0.0:*" : remote;
      return `${NAMES_OF_SS[state]} ${rxQueue} ${isListener ? backlog : txQueue} ${local} ${to}`;
    })
    .sort();
}

const hexPort = (address: string): string => Number(address.split(":")[1]).toString(16).toUpperCase().padStart(4, "0");

/** `local remote state tx:rx` of a port's sockets in the kernel's own table, proc(5). */
function askProc(port: number): string[] {
  return readFileSync("/proc/net/tcp", "latin1")
    .split("\n")
    .map((line) => line.trim().split(/\s+/).slice(1, 5).join(" "))
    .filter((line) => line.split(" ", 2).some((end) => end.endsWith(`:${hexPort(`:${port}`)}`)))
    .sort();
}

function inWordsOfProc(sockets: readonly Shown[]): string[] {
  const end = (address: string): string => `${address.startsWith("0.") ? "00000000" : "0100007F"}:${hexPort(address)}`;
  const hex = (bytes: number): string => bytes.toString(16).toUpperCase().padStart(8, "0");
  return sockets
    .map((one) => `${end(one.local)} ${end(one.remote)} ${NUMBERS[one.state]} ${hex(one.txQueue)}:${hex(one.rxQueue)}`)
    .sort();
}

describe("portolan sink", () => {
  it("shows at each step what ss and /proc/net/tcp show", async (context) => {
    needs(context, "ss");
    await using sink = new Sink("--listen", "tcp://127.0.0.1:0");
    using clients = new Clients();
    const isRight = (sockets: readonly Shown[], step: string): void => {
      expect(inWordsOfSs(sockets, 1), step).toEqual(askSs(sink.port));
      expect(inWordsOfProc(sockets), step).toEqual(askProc(sink.port));
    };
    isRight(await sink.look(), "bind: no socket of TCP yet");
    expect(askSs(sink.port)).toEqual([]);
    isRight(await sink.look(""), "listen");
    const client = await clients.connected(sink.port);
    client.write("twelve bytes");
    isRight(await sink.lookUntil(has("ESTABLISHED", { rxQueue: 12 })), "a connection that nobody has accepted");
    isRight(await sink.look(""), "accept");
    isRight(await sink.look("recv 5"), "recv of less than there is");
    isRight(await sink.look(""), "recv of the rest");
    expect(sink.program.events("recv").map(({ data }) => data)).toEqual(["twelv", "e bytes"]);
    // The first to close keeps the memory of the connection.
    await sink.look("close");
    isRight(await sink.lookUntil(has("FIN_WAIT2")), "close, before the peer closes");
    client.end();
    isRight(await sink.lookUntil(has("TIME_WAIT")), "both have closed");
  });

  it("has a backlog of one: two connections wait, and the third is not answered", async () => {
    await using sink = new Sink("--listen", "tcp://127.0.0.1:0");
    using clients = new Clients();
    await sink.look();
    expect(await sink.look("listen")).toMatchObject([{ state: "LISTEN", rxQueue: 0 }]);
    expect(sink.program.events("listen")).toMatchObject([{ backlog: 1 }]);
    // listen(2): the queue is full when there are more than the backlog.
    await clients.connected(sink.port);
    await clients.connected(sink.port);
    clients.dial(sink.port);
    const sockets = await sink.lookUntil(has("SYN_SENT"));
    expect(sockets).toContainEqual(expect.objectContaining({ state: "LISTEN", rxQueue: 2 }));
    // An accept makes room, and the kernel of the third, who asks again, has its answer.
    await sink.look("accept");
    await sink.lookUntil((all) => !has("SYN_SENT")(all) && has("LISTEN", { rxQueue: 2 })(all));
  });

  it("is refused its address while its last connection is in TIME_WAIT, unless it says --reuse", async () => {
    let listen = "tcp://127.0.0.1:0";
    {
      await using sink = new Sink("--listen", listen);
      using clients = new Clients();
      await sink.look();
      listen = `tcp://127.0.0.1:${sink.port}`;
      await sink.look("listen");
      const client = await clients.connected(sink.port);
      await sink.look("accept");
      await sink.look("close");
      client.end();
      await sink.lookUntil(has("TIME_WAIT"));
      sink.program.write("quit\n");
      expect(await sink.program.end()).toMatchObject({ status: 0 });
    }
    const again = await portolan(["sink", "--listen", listen, "--step", "listen"]);
    expect(again.status).toBe(UNAVAILABLE);
    expect(again.stdout).toMatch(/^ {4}TIME_WAIT {4}here /);
    expect(again.stderr).toMatch(/^portolan sink: bind EADDRINUSE 127\.0\.0\.1:\d+: .*TIME_WAIT.*--reuse/);
    const cured = await portolan(["sink", "--listen", listen, "--step", "listen", "--reuse"]);
    expect(cured).toMatchObject({ status: 0, stderr: "" });
    expect(cured.stdout).toMatch(/^bind 127\.0\.0\.1:\d+ = 0, with SO_REUSEADDR\n/);
    // The refusal was no matter of time: without the option it is refused still.
    expect(await portolan(["sink", "--listen", listen, "--step", "listen"])).toMatchObject({ status: UNAVAILABLE });
  });

  it("takes its steps from the command line, or from a file", async () => {
    using folder = scratchFolder();
    const file = join(folder.path, "steps");
    writeFileSync(file, "# two calls, and the rest\nlisten\naccept  # waits\nrecv 3, recv\nwait 0.01\nclose\nclose\n");
    const ways = [
      ["--script", file],
      ["--step", "listen, accept, recv 3, recv, wait 0.01, close, close"],
    ];
    await Promise.all(
      ways.map(async (way) => {
        await using sink = start(["sink", "--listen", "tcp://127.0.0.1:0", ...way]);
        using clients = new Clients();
        const port = await sink.until("its port", () => /^bind 127\.0\.0\.1:(\d+) = 0$/m.exec(sink.stdout)?.[1]);
        await sink.until("its listen", () => /^listen backlog 1 = 0$/m.exec(sink.stdout) ?? undefined);
        (await clients.connected(Number(port))).write("hello\n");
        const { status, stdout, stderr } = await sink.end();
        expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
        const calls = stdout.split("\n").filter((line) => / = /.test(line));
        expect(calls).toEqual([
          `bind 127.0.0.1:${port} = 0`,
          "listen backlog 1 = 0",
          expect.stringMatching(/^accept = a connection from 127\.0\.0\.1:\d+$/),
          'recv 3 = 3: "hel"',
          'recv 1024 = 3: "lo\\n"',
          "close the connection = 0",
          "close the listener = 0",
        ]);
      }),
    );
  });

  it.each([
    { args: ["--step", "listen, jump"], status: USAGE, says: /"jump" is no step: .*listen, accept, recv \[BYTES\]/ },
    { args: ["--step", "recv"], status: USAGE, says: /recv needs a connection: accept one first/ },
    { args: ["--step", "accept"], status: 71, says: /accept EINVAL: the socket does not listen: call listen first/ },
    { args: ["--step", "listen", "--script", "x"], status: USAGE, says: /--step and --script are two scripts/ },
    {
      args: ["--script", "/nowhere"],
      status: NOINPUT,
      says: /\/nowhere cannot be read as a script: .*ENOENT.*; give /,
    },
    { args: ["--listen", "udp://127.0.0.1:0"], status: USAGE, says: /the sink watches TCP; .* is no tcp:\/\// },
    { args: ["--backlog", "-1"], status: USAGE, says: /--backlog takes a whole number from 0 to 65535, not "-1"/ },
  ])("says what is wrong with $args", async ({ args, status, says }) => {
    const ended = await portolan(["sink", "--listen", "tcp://127.0.0.1:0", ...args]);
    expect(ended.stderr).toMatch(says);
    expect(ended.stderr.trimEnd().split("\n")).toHaveLength(1);
    expect(ended.status).toBe(status);
  });
});

/** A listening nc of OpenBSD, and our netcat connected to it. */
async function withNc(context: TestContext, flags: readonly string[]): Promise<{ nc: Program; netcat: Program }> {
  needs(context, "nc");
  const nc = new Program("nc", ["-l", "-v", "-n", "127.0.0.1", "0"]);
  const port = await nc.until("its port", () => /^Listening on 127\.0\.0\.1 (\d+)$/m.exec(nc.stderr)?.[1]);
  const netcat = start(["nc", "127.0.0.1", port, "--verbose", ...flags]);
  netcat.write("first\n");
  await nc.until("the first line", () => (nc.stdout === "first\n" ? true : undefined));
  return { nc, netcat };
}

/** A server of this process, until the end of the block. */
async function withServer(serve: (socket: Socket) => void): Promise<AsyncDisposable & { readonly port: string }> {
  const server = createServer({ allowHalfOpen: true }, serve).listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    port: String((server.address() as AddressInfo).port),
    async [Symbol.asyncDispose]() {
      server.close();
      await once(server, "close");
    },
  };
}

describe("portolan nc", () => {
  it("talks to nc in both directions, which sees its end of input", async (context) => {
    const { nc, netcat } = await withNc(context, []);
    await using _nc = nc;
    await using _netcat = netcat;
    nc.write("back\n");
    await netcat.until("the line of nc", () => (netcat.stdout === "back\n" ? true : undefined));
    netcat.endInput("last\n");
    await netcat.until("its half-close", () => /shutdown\(SHUT_WR\) = 0/.exec(netcat.stderr) ?? undefined);
    await nc.until("the last line", () => (nc.stdout === "first\nlast\n" ? true : undefined));
    // This nc leaves when its peer has ended.
    expect(await nc.end()).toMatchObject({ status: 0 });
    expect(await netcat.end()).toMatchObject({ status: 0, stdout: "back\n" });
  });

  it("half-closes, and prints what comes after that", async () => {
    await using server = await withServer((socket) => {
      let got = "";
      socket.setEncoding("latin1").on("data", (text) => {
        got += text;
      });
      socket.on("end", () => socket.end(`you said ${got}`));
    });
    const { status, stdout, stderr } = await portolan(["nc", "127.0.0.1", server.port], { input: "one\ntwo\n" });
    expect({ status, stdout, stderr }).toEqual({ status: 0, stdout: "you said one\ntwo\n", stderr: "" });
  });

  it.for([
    { flags: ["--sigpipe", "default"], status: SIGPIPE_STATUS, complaint: "" },
    { flags: ["--sigpipe", "ignore"], status: UNAVAILABLE, complaint: "EPIPE" },
    { flags: [], status: UNAVAILABLE, complaint: "EPIPE" },
  ])("learns with its second write that nc is gone: $flags", async ({ flags, status, complaint }, context) => {
    const { nc, netcat } = await withNc(context, flags);
    await using _nc = nc;
    await using _netcat = netcat;
    nc.signal("SIGKILL");
    await nc.end();
    await netcat.until("the end", () => /recv = 0: the peer has ended/.exec(netcat.stderr) ?? undefined);
    netcat.write("second\n");
    await netcat.until("its send", () => /line 2: send = 7\n/.exec(netcat.stderr) ?? undefined);
    netcat.write("third\n");
    const ended = await netcat.end();
    expect({ status: ended.status, signal: ended.signal }).toEqual({ status, signal: null });
    const [, code = ""] = /^portolan nc: \w+ (E[A-Z]+)/m.exec(ended.stderr) ?? [];
    expect(code).toBe(complaint);
    expect(ended.stderr).not.toMatch(/line 3: send/);
  });

  it("says that nobody listens", async () => {
    await using sink = new Sink("--listen", "tcp://127.0.0.1:0");
    await sink.look();
    // Bound and not listening: the port is nobody else's, and is refused.
    const { status, stderr } = await portolan(["nc", "127.0.0.1", String(sink.port)]);
    expect(status).toBe(UNAVAILABLE);
    expect(stderr).toMatch(/^portolan nc: connect ECONNREFUSED 127\.0\.0\.1:\d+ .*nothing listens there\n$/);
  });
});

it("shows the sockets of its own port only", async () => {
  await using one = new Sink("--listen", "tcp://127.0.0.1:0");
  await using other = new Sink("--listen", "tcp://127.0.0.1:0");
  await Promise.all([one.look(), other.look()]);
  await Promise.all([one.look("listen"), other.look("listen")]);
  expect(other.port).not.toBe(one.port);
  expect(await one.look("show")).toEqual([expect.objectContaining({ local: `127.0.0.1:${one.port}` })]);
});
