/** `portolan call`: a service's client, against ours and against servers that are not. */
import { describe, expect, it } from "vitest";
import { type NodeServer, tcpServer, udpServer } from "./node-servers.ts";
import { portolan, start } from "./portolan.ts";

const OK = 0;
const DATAERR = 65;
const UNAVAILABLE = 69;
const PROTOCOL = 76;
const NOHOST = 68;
const TEMPFAIL = 75;

/** A UDP server that answers each datagram with texts. */
function answering(serve: (message: Buffer, answer: (text: string) => void) => void): Promise<NodeServer> {
  return udpServer(function (message, { port, address }) {
    serve(message, (text) => this.send(text, port, address));
  });
}

function parseLines(text: string): Record<string, unknown>[] {
  return text
    .split("\n")
    .filter(Boolean)
    .map((line) => JSON.parse(line) as Record<string, unknown>);
}

describe("portolan call echo over TCP", () => {
  it("sends its input, prints what comes back, and ends when the peer has closed", async () => {
    await using server = await tcpServer((socket) => socket.pipe(socket));
    const input = "one\ntwo\nno newline at the end";
    expect(await portolan(["call", "echo", server.endpoint], { input })).toEqual({
      status: OK,
      signal: null,
      stdout: input,
      stderr: "",
    });
  });

  it("sends and receives at once: more than all buffers hold comes through", async () => {
    await using server = await tcpServer((socket) => socket.pipe(socket));
    const input = "0123456789abcdef".repeat(1024 * 1024);
    const { status, stdout, stderr } = await portolan(["call", "echo", server.endpoint], { input });
    expect({ status, stderr }).toEqual({ status: OK, stderr: "" });
    expect(stdout === input).toBe(true);
  });

  it("answers while its input is open", async () => {
    await using server = await tcpServer((socket) => socket.pipe(socket));
    await using program = start(["call", "echo", server.endpoint]);
    program.write("first\n");
    await program.until("the first line", () => program.stdout === "first\n" || undefined);
    program.write("second\n");
    await program.until("the second line", () => program.stdout === "first\nsecond\n" || undefined);
    program.endInput();
    expect(await program.end()).toMatchObject({ status: OK });
  });

  it("sends a message so often, and does not touch its input", async () => {
    await using server = await tcpServer((socket) => socket.pipe(socket));
    await using program = start(["call", "echo", server.endpoint, "--message", "hi", "--count", "3"]);
    expect(await program.end()).toMatchObject({ status: OK, stdout: "hi\nhi\nhi\n" });
  });

  it("looks a host name up", async () => {
    await using server = await tcpServer((socket) => socket.pipe(socket));
    const endpoint = server.endpoint.replace("127.0.0.1", "localhost");
    expect(await portolan(["call", "echo", endpoint, "--message", "hi"])).toMatchObject({ status: OK, stdout: "hi\n" });
  });

  it("tells machines what happened", async () => {
    await using server = await tcpServer((socket) => socket.pipe(socket));
    const { status, stdout } = await portolan(["call", "echo", server.endpoint, "--message", "hi", "--json"]);
    expect(status).toBe(OK);
    const events = parseLines(stdout);
    expect(events.filter(({ event }) => event === "data").map(({ data }) => data)).toEqual(["hi\n"]);
    expect(events.at(-1)).toMatchObject({ event: "done", sentBytes: 3, receivedBytes: 3 });
  });

  it("ends when the peer ends, though its own input goes on", async () => {
    await using server = await tcpServer((socket) => socket.once("data", (bytes) => socket.end(bytes)));
    await using program = start(["call", "echo", server.endpoint]);
    program.write("only this\n");
    expect(await program.end()).toMatchObject({ status: OK, stdout: "only this\n", stderr: "" });
  });

  it("says that bytes did not come back", async () => {
    await using server = await tcpServer((socket) => socket.once("data", () => socket.end("ab")));
    const { status, stdout, stderr } = await portolan(["call", "echo", server.endpoint], { input: "abcdef" });
    expect({ status, stdout }).toEqual({ status: PROTOCOL, stdout: "ab" });
    expect(stderr).toContain("closed the connection after 2 of 6 bytes");
  });

  it("gives up on a server that owes an answer", async () => {
    await using server = await tcpServer((socket) => socket.resume());
    const args = ["call", "echo", server.endpoint, "--message", "hi", "--timeout", "0.2"];
    const { status, stderr } = await portolan(args);
    expect(status).toBe(UNAVAILABLE);
    expect(stderr).toContain("within 0.2 s: 3 of 3 bytes did not come back");
  });

  it("names a reset", async () => {
    await using server = await tcpServer((socket) => socket.once("data", () => socket.resetAndDestroy()));
    const { status, stderr } = await portolan(["call", "echo", server.endpoint], { input: "hello" });
    expect(status).toBe(UNAVAILABLE);
    expect(stderr).toMatch(/^portolan call: \w+ ECONNRESET/);
  });

  it.each([["tcp"], ["udp"]])(
    "says over %s that nobody listens, and how to have somebody listen",
    async (transport) => {
      // A port that was free a moment ago, for this transport.
      const free = transport === "tcp" ? await tcpServer(() => {}) : await answering(() => {});
      await free[Symbol.asyncDispose]();
      const { status, stdout, stderr } = await portolan(["call", "echo", free.endpoint, "--message", "hi"]);
      expect({ status, stdout }).toEqual({ status: UNAVAILABLE, stdout: "" });
      expect(stderr).toMatch(/^portolan call: \w+ ECONNREFUSED.*nothing listens there/);
      expect(stderr).toContain(`; start it with: node dist/cli/main.js serve echo --listen ${free.endpoint}\n`);
      expect(stderr.trimEnd().split("\n")).toHaveLength(1);
    },
  );

  it("says that no socket is at a path", async () => {
    const { status, stderr } = await portolan(["call", "echo", "unix:///nowhere/echo.sock", "--message", "hi"]);
    expect(status).toBe(UNAVAILABLE);
    expect(stderr).toMatch(/connect ENOENT \/nowhere\/echo\.sock: .*; start it with: /);
  });

  it("says that a host name has no address", async () => {
    // RFC 6761 6.4: names under .invalid do not exist. Where no name server answers, it may exist later; a silent one is
    // waited for as long as resolv.conf(5) says, here a second and not ten.
    const environment = { RES_OPTIONS: "timeout:1 attempts:1" };
    const args = ["call", "echo", "tcp://nowhere.invalid:7", "--message", "hi"];
    const { status, stderr } = await portolan(args, { environment });
    expect([NOHOST, TEMPFAIL]).toContain(status);
    expect(stderr).toMatch(/^portolan call: getaddrinfo (EAI_NONAME|EAI_AGAIN) nowhere\.invalid/);
  });

  it.each(["SIGINT", "SIGTERM"] as const)("ends at %s with the shell's status", async (signal) => {
    await using server = await tcpServer((socket) => socket.pipe(socket));
    await using program = start(["call", "echo", server.endpoint]);
    program.write("hello\n");
    await program.until("the answer", () => program.stdout === "hello\n" || undefined);
    program.signal(signal);
    expect(await program.end()).toMatchObject({ status: signal === "SIGINT" ? 130 : 143, stderr: "" });
  });

  it("ends quietly when nobody reads what it prints", async () => {
    await using server = await tcpServer((socket) => socket.pipe(socket));
    await using program = start(["call", "echo", server.endpoint, "--message", "hi", "--count", "1000000"]);
    await program.until("output", () => program.stdout !== "" || undefined);
    program.closeOutput();
    expect(await program.end()).toMatchObject({ status: 141, stderr: "" });
  });
});

describe("portolan call echo over UDP", () => {
  it("sends a datagram for each line, and prints the answers", async () => {
    const seen: string[] = [];
    await using server = await answering((message, answer) => {
      seen.push(message.toString());
      answer(message.toString());
    });
    const input = "one\n\nthree";
    expect(await portolan(["call", "echo", server.endpoint], { input })).toMatchObject({
      status: OK,
      stdout: "one\n\nthree\n",
      stderr: "",
    });
    expect(seen).toEqual(["one", "", "three"]);
  });

  it("measures round trips, for people and for machines", async () => {
    await using server = await answering((message, answer) => answer(message.toString()));
    const args = ["call", "echo", server.endpoint, "--message", "hi", "--count", "2"];
    const verbose = await portolan([...args, "--verbose"]);
    expect(verbose).toMatchObject({ status: OK, stdout: "hi\nhi\n" });
    expect(verbose.stderr).toMatch(/datagram 2: 2 bytes back after \d+\.\d{3} ms\n/);
    const events = parseLines((await portolan([...args, "--json"])).stdout);
    expect(events).toEqual([
      { event: "answer", sequence: 1, bytes: 2, rttMs: expect.any(Number), data: "hi" },
      { event: "answer", sequence: 2, bytes: 2, rttMs: expect.any(Number), data: "hi" },
      { event: "done", sent: 2, lost: 0 },
    ]);
  });

  it("counts what is lost, goes on, and says so with its status", async () => {
    await using server = await answering((message, answer) => {
      if (message.toString() !== "lost") answer(message.toString());
    });
    const args = ["call", "echo", server.endpoint, "--timeout", "0.2"];
    const { status, stdout, stderr } = await portolan(args, { input: "first\nlost\nlast\n" });
    expect({ status, stdout }).toEqual({ status: UNAVAILABLE, stdout: "first\nlast\n" });
    expect(stderr).toContain("within 0.2 s to 1 of 3 datagrams");
  });

  it("does not take another datagram for the answer", async () => {
    await using server = await answering((message, answer) => {
      answer("something else");
      answer(message.toString());
    });
    const { status, stdout } = await portolan(["call", "echo", server.endpoint, "--message", "hi", "--json"]);
    expect(status).toBe(OK);
    expect(parseLines(stdout).map(({ event }) => event)).toEqual(["stray", "answer", "done"]);
  });

  it("refuses a line that fits into no datagram, and names it", async () => {
    await using server = await answering((message, answer) => answer(message.toString()));
    const input = `short\n${"x".repeat(65_508)}\n`;
    const { status, stdout, stderr } = await portolan(["call", "echo", server.endpoint], { input });
    expect({ status, stdout }).toEqual({ status: DATAERR, stdout: "short\n" });
    expect(stderr).toBe("portolan call: line 2 is longer than 65507 bytes, the most that a datagram carries\n");
  });
});
