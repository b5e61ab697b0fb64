/**
 * The services whose formats are a course's own, against programs in C that were written from the formats alone, both
 * ways: test/fixtures/interop/time-query.c, byte-sink.c and random-stream.c.
 */
import { execFile, spawn } from "node:child_process";
import { promisify } from "node:util";
import { closeThreadReactor } from "portolan/reactor";
import { EXIT } from "portolan/service";
import { afterAll, describe, expect, it, type TestContext } from "vitest";
import { Program, start } from "../cli/portolan.ts";
import { serveAll } from "../support/all-services.ts";
import { CPrograms } from "../support/c-programs.ts";
import { outputOf } from "../support/programs.ts";
import { callService } from "../support/service-calls.ts";

const run = promisify(execFile);
const programs = new CPrograms();
const SIGPIPE_STATUS = 141;
afterAll(() => {
  programs[Symbol.dispose]();
  closeThreadReactor();
});

/** A program in C at work. */
function startC(context: TestContext, name: string, ...args: string[]): Program {
  return new Program(programs.path(context, name), args);
}

/** The first line that a program prints. */
function firstLine(program: Program): Promise<string> {
  return program.until("its first line", () => /^(.*)\n/.exec(program.stdout)?.[1]);
}

describe("the time query", () => {
  it("answers a client in C, also where its sequence numbers wrap", async (context) => {
    const client = programs.path(context, "time-query");
    await using served = await serveAll(["time-query"]);
    const beforeMs = Date.now();
    const { stdout } = await run(client, ["client", String(served.ports["time-query"]?.udp), "4"]);
    const answers = stdout
      .trim()
      .split("\n")
      .map((line) => line.split(" ").map(Number));
    expect(answers.map(([sequence]) => sequence)).toEqual([2 ** 32 - 2, 2 ** 32 - 1, 0, 1]);
    for (const [, unixMs = 0] of answers) {
      expect(unixMs).toBeGreaterThanOrEqual(beforeMs);
      expect(unixMs).toBeLessThanOrEqual(Date.now());
    }
  });

  it("asks a server in C, and says how long each answer took", async (context) => {
    await using server = startC(context, "time-query", "server");
    const endpoint = `udp://127.0.0.1:${await firstLine(server)}`;
    const { status, text, events } = await callService("time-query", endpoint, { options: { count: 3, interval: 0 } });
    expect(status).toBe(EXIT.OK);
    const answer = String.raw`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z after \d+\.\d{3} ms`;
    expect(text).toMatch(
      new RegExp(`^answer 1: ${answer}\nanswer 2: ${answer}\nanswer 3: ${answer}\n3 requests of 13`),
    );
    expect(events.at(-1)?.fields).toMatchObject({ sent: 3, answered: 3, lost: 0, reordered: 0, duplicated: 0 });
  });

  it("sees in a burst what a server in C loses, reorders and duplicates on purpose", async (context) => {
    // The third is lost, the fifth is answered after the sixth, the eighth twice, and the tenth is lost.
    await using server = startC(context, "time-query", "server", "..x.h..2.x");
    const endpoint = `udp://127.0.0.1:${await firstLine(server)}`;
    const { status, text, events, problems } = await callService("time-query", endpoint, {
      options: { burst: 12, gap: 0 },
      timeoutMs: 1000,
    });
    expect({ status, problems }).toEqual({ status: EXIT.OK, problems: [] });
    expect(text).toMatch(/^12 requests of 13 bytes: 10 answered, 0 late, 2 lost \(16\.7 % not in time\)$/m);
    expect(text).toMatch(/^1 reordered, 1 duplicated, 0 that were no answer$/m);
    expect(text).toMatch(/^lost: 3 10$/m);
    expect(events.at(-1)?.fields).toMatchObject({ sent: 12, answered: 10, lost: 2, reordered: 1, duplicated: 1 });
  });
});

describe("the random stream", () => {
  it("serves a client in C at the pace that it asked for", async (context) => {
    const client = programs.path(context, "random-stream");
    await using served = await serveAll(["random"]);
    const { stdout } = await run(client, ["client", String(served.ports.random?.tcp), "5000", "20"]);
    const [bytes, values, elapsedMs = 0] = stdout.split(" ").map(Number);
    expect(bytes).toBe(5000);
    expect(values).toBeGreaterThan(200);
    // Five pieces, and 20 ms before each; timers of whole milliseconds may be early by one.
    expect(elapsedMs).toBeGreaterThanOrEqual(5 * 19);
  });

  it("reads what a server in C sends", async (context) => {
    const child = spawn(programs.path(context, "random-stream"), ["server"], { stdio: ["ignore", "pipe", "pipe"] });
    const output = outputOf(child);
    const port = await new Promise<string>((resolve) =>
      child.stdout.once("data", (bytes) => resolve(`${bytes}`.trim())),
    );
    const options = { length: 5000, delay: 3, raw: true };
    const { status, text } = await callService("random", `tcp://127.0.0.1:${port}`, { options });
    expect({ status, length: text.length }).toEqual({ status: EXIT.OK, length: 5000 });
    expect(await output).toBe(`${port}\n5000 bytes, 3 ms\n`);
  });
});

/** The sink of `portolan sink`, which takes a step for each line that it is given. */
async function startSink(): Promise<{ sink: Program; port: number; step(text: string): Promise<Sockets> }> {
  const sink = start(["sink", "--listen", "tcp://127.0.0.1:0", "--json"]);
  const looks = (): Record<string, unknown>[] => sink.events("kernel");
  await sink.until("its first look", () => looks()[0]);
  let seen = 1;
  return {
    sink,
    port: sink.events("bind")[0]?.port as number,
    async step(text) {
      sink.write(`${text}\n`);
      seen += 1;
      const look = await sink.until(`a look after ${text}`, () => looks()[seen - 1]);
      return look.sockets as Sockets;
    },
  };
}

type Sockets = readonly { readonly state: string; readonly rxQueue: number; readonly local: string }[];

/** Steps of `show` until what the kernel has done is so: it needs no call of ours, but some time. */
async function shown(step: (text: string) => Promise<Sockets>, isSo: (sockets: Sockets) => boolean): Promise<Sockets> {
  for (;;) {
    const sockets = await step("show");
    if (isSo(sockets)) return sockets;
  }
}

describe("the byte sink", () => {
  it("shows what the kernel does for a netcat in C before each call, until SIGPIPE ends that", async (context) => {
    const { sink, port, step } = await startSink();
    await using _sink = sink;
    // Bound, but not listening: refused.
    await using refused = startC(context, "byte-sink", "netcat", String(port));
    expect(await refused.end()).toMatchObject({ status: 1, stderr: "connect: ECONNREFUSED\n" });

    expect(await step("")).toMatchObject([{ state: "LISTEN", rxQueue: 0 }]);
    await using netcat = startC(context, "byte-sink", "netcat", String(port));
    await netcat.until("a connection", () => (netcat.stdout.includes("connected\n") ? true : undefined));
    netcat.write("first\n");
    await netcat.until("its write", () => (netcat.stdout.includes("wrote 6\n") ? true : undefined));
    // Nobody has called accept, and there is an established connection, with six bytes in it.
    const here = `127.0.0.1:${port}`;
    const sockets = await shown(step, (all) => all.some(({ rxQueue, local }) => rxQueue === 6 && local === here));
    expect(sockets).toContainEqual(expect.objectContaining({ state: "LISTEN", rxQueue: 1 }));
    expect(sockets).toContainEqual(expect.objectContaining({ state: "ESTABLISHED", rxQueue: 6, local: here }));

    expect(await step("")).toContainEqual(expect.objectContaining({ state: "LISTEN", rxQueue: 0 }));
    expect(await step("recv 2")).toContainEqual(expect.objectContaining({ state: "ESTABLISHED", rxQueue: 4 }));
    expect(await step("")).toContainEqual(expect.objectContaining({ state: "ESTABLISHED", rxQueue: 0, local: here }));
    expect(sink.events("recv").map(({ data }) => data)).toEqual(["fi", "rst\n"]);
    await step("close");
    await shown(step, (all) => all.some(({ state, local }) => state === "FIN_WAIT2" && local === here));

    // The kernel takes the first line for a peer that is gone, and learns from the answer that it is.
    netcat.write("second\n");
    await netcat.until("its write", () => (netcat.stdout.includes("wrote 7\n") ? true : undefined));
    await shown(step, (all) => all.every(({ state }) => state === "LISTEN"));
    netcat.write("third\n");
    expect(await netcat.end()).toMatchObject({ signal: "SIGPIPE", stdout: "connected\nwrote 6\nwrote 7\n" });
    await step("close").catch(() => {});
    expect(await sink.end()).toMatchObject({ status: 0, stderr: "" });
  });

  it("sees the half-close of a netcat in C at its end of input", async (context) => {
    const { sink, port, step } = await startSink();
    await using _sink = sink;
    await step("listen");
    await using netcat = startC(context, "byte-sink", "netcat", String(port));
    netcat.endInput("all\n");
    await step("accept");
    await step("recv");
    await step("recv");
    expect(sink.events("recv")).toMatchObject([{ data: "all\n" }, { bytes: 0 }]);
    await step("close");
    expect(await netcat.end()).toMatchObject({ status: 0, stdout: "connected\nwrote 4\nended\n" });
  });
});

/** A sink in C that has accepted, and read the first line of our netcat. */
async function connectedTo(
  context: TestContext,
  flags: readonly string[],
): Promise<AsyncDisposable & { sink: Program; netcat: Program }> {
  const sink = startC(context, "byte-sink", "sink", "0");
  const [, port = ""] = (await firstLine(sink)).split(" ");
  sink.write("\n");
  await sink.until("its listen", () => (sink.stdout.includes("listening\n") ? true : undefined));
  const netcat = start(["nc", "127.0.0.1", port, "--verbose", ...flags]);
  netcat.write("first\n");
  await netcat.until("its send", () => /line 1: send = 6\n/.exec(netcat.stderr) ?? undefined);
  sink.write("\n\n");
  await sink.until("its recv", () => (sink.stdout.includes("received 6: first\n") ? true : undefined));
  return {
    sink,
    netcat,
    async [Symbol.asyncDispose]() {
      await netcat[Symbol.asyncDispose]();
      await sink[Symbol.asyncDispose]();
    },
  };
}

describe("the simple netcat", () => {
  it.for([
    { flags: ["--sigpipe", "default"], status: SIGPIPE_STATUS, complaint: /^$/ },
    { flags: [], status: EXIT.UNAVAILABLE, complaint: /^portolan nc: \w+ EPIPE/ },
  ])("learns with its second write that a sink in C is gone: $flags", async ({ flags, status, complaint }, context) => {
    await using both = await connectedTo(context, flags);
    const { sink, netcat } = both;
    sink.endInput();
    expect(await sink.end()).toMatchObject({ status: 0 });
    await netcat.until("the end", () => /recv = 0: the peer has ended/.exec(netcat.stderr) ?? undefined);
    netcat.write("second\n");
    await netcat.until("its send", () => /line 2: send = 7\n/.exec(netcat.stderr) ?? undefined);
    netcat.write("third\n");
    const ended = await netcat.end();
    expect(ended.status).toBe(status);
    const complaints = ended.stderr.split("\n").filter((line) => !/line \d|recv = 0|shutdown/.test(line));
    expect(complaints.join("\n")).toMatch(complaint);
  });

  it("says ECONNRESET where a sink in C ends with something unread", async (context) => {
    await using both = await connectedTo(context, []);
    const { sink, netcat } = both;
    netcat.write("unread\n");
    await netcat.until("its send", () => /line 2: send = 7\n/.exec(netcat.stderr) ?? undefined);
    sink.endInput();
    const { status, stderr } = await netcat.end();
    expect(stderr).toMatch(/^portolan nc: \w+ ECONNRESET/m);
    expect(status).toBe(EXIT.UNAVAILABLE);
  });

  it("half-closes at the end of its input, which a sink in C reads as the end", async (context) => {
    await using both = await connectedTo(context, []);
    const { sink, netcat } = both;
    netcat.endInput();
    sink.write("\n");
    expect(await sink.end()).toMatchObject({ status: 0, stdout: expect.stringMatching(/received 0: \n$/) });
    expect(await netcat.end()).toMatchObject({ status: 0 });
  });
});
