/**
 * The clients and options of hangman, squares, the random stream and the time query, by the real command.
 */
import { once } from "node:events";
import { readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { closeThreadReactor } from "portolan/reactor";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Served, serveAll } from "../support/all-services.ts";
import { converse, dial, readUntil } from "../support/conversations.ts";
import { until } from "../support/until.ts";
import { type NodeServer, udpServer } from "./node-servers.ts";
import { type Program, portolan, scratchFolder, shell, start } from "./portolan.ts";

const OK = 0;
const USAGE = 64;
const NOINPUT = 66;
const UNAVAILABLE = 69;
const PROTOCOL = 76;
const IAC = "\xff";
const DO_ECHO = `${IAC}\xfd\x01`;
/** IAC SB TERMINAL-TYPE IS "vt100" IAC SE: RFC 1091. */
const TERMINAL_TYPE = `${IAC}\xfa\x18\x00vt100${IAC}\xf0`;

let ours: Served;
beforeAll(async () => {
  ours = await serveAll(["echo", "random", "squares", "time-query"]);
});
afterAll(async () => {
  await ours[Symbol.asyncDispose]();
  closeThreadReactor();
});

const portOf = (endpoint: string): number => Number(endpoint.split(":").at(-1));

async function serving(...args: string[]): Promise<AsyncDisposable & { program: Program; endpoint: string }> {
  const program = start(["serve", ...args, "--json"]);
  const [listening] = await program.listening(1);
  return {
    program,
    endpoint: listening?.endpoint as string,
    [Symbol.asyncDispose]: () => program[Symbol.asyncDispose](),
  };
}

/** Who accepts and says nothing. */
async function silentServer(): Promise<AsyncDisposable & { readonly endpoint: string }> {
  const server = createServer({ allowHalfOpen: true }, (socket) => socket.resume().on("error", () => {}));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const closed = once(server, "close");
  const sockets = new Set<{ destroy(): void }>();
  server.on("connection", (socket) => sockets.add(socket));
  return {
    endpoint: `tcp://127.0.0.1:${(server.address() as { port: number }).port}`,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await closed;
    },
  };
}

function lastEvent(stdout: string): Record<string, unknown> {
  return JSON.parse(stdout.trim().split("\n").at(-1) as string) as Record<string, unknown>;
}

describe("portolan serve hangman", () => {
  const folder = scratchFolder();
  const words = join(folder.path, "words");
  let served: Awaited<ReturnType<typeof serving>>;
  beforeAll(async () => {
    // One word that can be guessed; the rest of a dictionary is passed over.
    writeFileSync(words, "it's\nx\n\nQuay\nnaïve\n");
    served = await serving("hangman", "--words", words, "--lives", "2", "--listen", "tcp://127.0.0.1:0");
  });
  afterAll(async () => {
    await served[Symbol.asyncDispose]();
    folder[Symbol.dispose]();
  });

  const HELLO = "Hangman: guess a letter, or the whole word. /quit leaves.";

  it("takes its words from a file, and as many lives as it is told", async () => {
    const won = await converse(served.endpoint, "Q\nquay\nn\n");
    expect(String(won).split("\r\n")).toEqual([
      HELLO,
      "_ _ _ _  2 lives left",
      "q _ _ _  2 lives left",
      "q u a y  2 lives left",
      "You win: the word is quay.",
      "Another round? (y/n)",
      "Goodbye.",
      "",
    ]);
    const lost = await converse(served.endpoint, "z\nz\n7\nx\ny\n/quit\n");
    expect(String(lost).split("\r\n").slice(2)).toEqual([
      "There is no z.",
      "_ _ _ _  1 life left",
      "You have tried z already.",
      "_ _ _ _  1 life left",
      "A letter from a to z, please, or the whole word.",
      "_ _ _ _  1 life left",
      "_ _ _ _  0 lives left",
      "You are hanged: the word was quay.",
      "Another round? (y/n)",
      "_ _ _ _  2 lives left",
      "Goodbye.",
      "",
    ]);
  });

  it("passes over telnet's negotiation, wherever it comes", async () => {
    const typed = `${DO_ECHO}q${TERMINAL_TYPE}\r\nqu${DO_ECHO}ay\r\0n\r\n`;
    const answer = String(await converse(served.endpoint, Buffer.from(typed, "latin1")));
    expect(answer).toContain("q _ _ _  2 lives left\r\nq u a y  2 lives left\r\nYou win: the word is quay.\r\n");
  });

  it("keeps each client's game to itself", async () => {
    const [one, two] = [dial(served.endpoint), dial(served.endpoint)];
    try {
      await Promise.all([one, two].map((socket) => readUntil(socket, (all) => all.includes("left\r\n"))));
      one.write("z\n");
      expect(String(await readUntil(one, (all) => all.includes("left\r\n")))).toContain("_ _ _ _  1 life left");
      two.write("q\n");
      expect(String(await readUntil(two, (all) => all.includes("left\r\n")))).toBe("q _ _ _  2 lives left\r\n");
    } finally {
      for (const socket of [one, two]) socket.destroy();
      await Promise.all([one, two].map((socket) => socket.closed || once(socket, "close")));
    }
  });

  it("is drawn by our client, or printed as it is", async () => {
    await using player = start(["call", "hangman", served.endpoint]);
    const shows = (text: string): Promise<boolean> =>
      player.until(text, () => (player.stdout.includes(text) ? true : undefined));
    await shows("_ _ _ _   (2 of 2 lives)");
    const empty = player.stdout;
    player.write("z\n");
    await shows("_ _ _ _   (1 of 2 lives)");
    player.write("x\n");
    await shows("_ _ _ _   (0 of 2 lives)\nYou are hanged: quay\n");
    player.endInput("n\n");
    expect(await player.end()).toMatchObject({ status: OK, stderr: "" });
    // Nothing hangs at first, and the last picture is of a whole gallows.
    expect(empty).not.toContain("|");
    expect(player.stdout).toContain(" +----+");
    const plain = await portolan(["call", "hangman", served.endpoint, "--plain"], { input: "quay\nn\n" });
    expect(plain.stdout).toBe(
      `${HELLO}\r\n_ _ _ _  2 lives left\r\nq u a y  2 lives left\r\nYou win: the word is quay.\r\nAnother round? (y/n)\r\nGoodbye.\r\n`,
    );
  });

  it.each([
    { args: ["--words", "/nowhere"], status: NOINPUT, says: /\/nowhere cannot be read as a list of words: .*; give / },
    { args: ["--words", "/"], status: NOINPUT, says: /\/ cannot be read as a list of words: it is a directory/ },
    {
      args: ["--words", "/dev/null"],
      status: USAGE,
      says: /\/dev\/null has no line that is a word of 2 to 32 letters/,
    },
    { args: ["--words", "/dev/zero"], status: USAGE, says: /\/dev\/zero has more than 33554432 bytes/ },
    { args: ["--lives", "0"], status: USAGE, says: /--lives takes a whole number from 1 to 99, not "0"/ },
  ])("says what is wrong with $args", async ({ args, status, says }) => {
    const ended = await portolan(["serve", "hangman", "--listen", "tcp://127.0.0.1:0", ...args]);
    expect(ended.stderr).toMatch(says);
    expect(ended.stderr.trimEnd().split("\n")).toHaveLength(1);
    expect(ended.status).toBe(status);
  });
});

describe.concurrent("a server of something else", () => {
  it.each(["hangman", "squares"])("is told apart from %s, whether it answers or is silent", async (name) => {
    const echo = await portolan(["call", name, ours.endpoint("echo", "tcp")], { input: "a\n" });
    expect(echo).toMatchObject({ status: PROTOCOL, stderr: expect.stringContaining(`it is no ${name} server`) });
    await using silent = await silentServer();
    await using program = start(["call", name, silent.endpoint, "--timeout", "0.2"]);
    // With its input open, as at a terminal.
    expect(await program.end()).toMatchObject({
      status: UNAVAILABLE,
      stderr: `portolan call: no answer from ${silent.endpoint} within 0.2 s\n`,
    });
  });
});

describe.concurrent("portolan call squares", () => {
  it("makes moves, and shows those of others to who looks on", async () => {
    const endpoint = ours.endpoint("squares", "tcp");
    await using looker = start(["call", "squares", endpoint]);
    looker.write("name looker\n");
    await looker.until("its name", () => (looker.stdout.includes("You are looker now.") ? true : undefined));
    const mover = await portolan(["call", "squares", endpoint, "--move", "5 1, 5 2, 5 1"]);
    expect(mover.status).toBe(OK);
    expect(mover.stdout).toMatch(
      /\r\n5 1 is yours\.\r\n5 2 is yours\.\r\n5 1 is occupied by you\.\r\n {2}1 2 3 4 5\r\n1 \. \. \. \. A\r\n2 \. \. \. \. A\r\n/,
    );
    await looker.until(
      "both moves",
      () => /\* player-\d+ claims 5 1\.\r\n\* player-\d+ claims 5 2\.\r\n/.exec(looker.stdout) ?? undefined,
    );
    looker.endInput("claim 5 1\nquit\n");
    expect((await looker.end()).stdout).toMatch(/5 1 is occupied by player-\d+\.\r\nGoodbye\.\r\n$/);
  });

  it("shows the lost update by hand: --unsafe, and time to think", async () => {
    const args = ["squares", "--unsafe", "--think", "1500", "--listen", "tcp://127.0.0.1:0"];
    await using server = await serving(...args);
    const both = [dial(server.endpoint), dial(server.endpoint)];
    const hears = (socket: (typeof both)[number], text: string): Promise<Buffer> =>
      readUntil(socket, (all) => all.includes(text));
    try {
      await Promise.all(both.map((socket) => hears(socket, "No square is taken.")));
      for (const socket of both) socket.write("claim 3 3\nboard\n");
      const told = (await Promise.all(both.map((socket) => hears(socket, "5 . . . . .")))).map(String);
      for (const text of told) expect(text).toContain("3 3 is yours.\r\n");
      // Two were told so, and the board knows of one.
      const boards = String(await converse(server.endpoint, "quit\n"));
      expect(boards.match(/^A player-\d+ 1\r$/gm)).toHaveLength(1);
    } finally {
      for (const socket of both) socket.destroy();
      await Promise.all(both.map((socket) => socket.closed || once(socket, "close")));
    }
  });

  it("says what a move is", async () => {
    const { status, stderr } = await portolan(["call", "squares", "--move", "6 1"]);
    expect(status).toBe(USAGE);
    expect(stderr).toContain(`--move takes squares as column and row from 1 to 5, such as '2 3, 2 4', not "6 1"`);
  });
});

describe.concurrent("portolan call random", () => {
  it("reads no faster than --rate, and as many bytes as it asked for", async () => {
    const args = ["call", "random", ours.endpoint("random", "tcp"), "--rate", "4k", "--length", "6k"];
    const { status, stdout } = await portolan([...args, "--json"]);
    const { receivedBytes, elapsedMs } = lastEvent(stdout);
    expect({ status, receivedBytes }).toEqual({ status: OK, receivedBytes: 6144 });
    // 6 KiB at 4 KiB a second; the last share is waited for too, and a timer may be early by one millisecond.
    expect(elapsedMs).toBeGreaterThan(1450);
    const plain = await portolan(args);
    expect(plain.stderr).toMatch(/^portolan call: 6144 bytes in \d+\.\d\d s \((3\.\d|4\.0) KiB\/s\)\n$/);
  });

  it("makes the server wait before each KiB with --delay", async () => {
    const args = ["call", "random", ours.endpoint("random", "tcp"), "--delay", "100", "--length", "3k", "--json"];
    const { receivedBytes, elapsedMs } = lastEvent((await portolan(args)).stdout);
    expect(receivedBytes).toBe(3072);
    expect(elapsedMs).toBeGreaterThan(3 * 99);
  });

  it("fills the server's send queue when it reads slowly from a small buffer", async () => {
    const endpoint = ours.endpoint("random", "tcp");
    const flags = ["--rate", "1k", "--receive-buffer", "2k", "--length", "64M"];
    await using program = start(["call", "random", endpoint, ...flags]);
    const queued = (): number => {
      const port = portOf(endpoint).toString(16).toUpperCase().padStart(4, "0");
      const rows = readFileSync("/proc/net/tcp", "latin1").matchAll(
        new RegExp(`: 0100007F:${port} 0100007F:[0-9A-F]{4} 01 ([0-9A-F]{8}):`, "g"),
      );
      return Math.max(0, ...[...rows].map(([, bytes = ""]) => Number.parseInt(bytes, 16)));
    };
    await until(() => queued() > 64 * 1024);
    program.signal("SIGTERM");
    expect(await program.end()).toMatchObject({ status: 143 });
    // The server has not died of it.
    expect(await portolan(["call", "random", endpoint, "--length", "10"])).toMatchObject({ status: OK });
  });

  it("prints the bytes with --raw", async () => {
    const { stdout } = await shell(
      `node dist/cli/main.js call random ${ours.endpoint("random", "tcp")} --length 5000 --raw | wc -c`,
    );
    expect(Number(stdout)).toBe(5000);
  });

  it("is refused more than --max-length", async () => {
    await using server = await serving("random", "--max-length", "1000", "--listen", "tcp://127.0.0.1:0");
    expect(await portolan(["call", "random", server.endpoint, "--length", "1000"])).toMatchObject({ status: OK });
    const refused = await portolan(["call", "random", server.endpoint, "--length", "1001"]);
    expect(refused).toMatchObject({ status: UNAVAILABLE, stderr: expect.stringMatching(/ECONNRESET/) });
  });
});

const QUERY_BYTES = 13;
const RESPONSE = 2;

/** A server of time queries that treats each request as it is told, by the request's number from 1. */
function queryServer(
  treat: (index: number, answer: (bytes?: Buffer) => void, response: Buffer) => void,
): Promise<NodeServer> {
  let index = 0;
  return udpServer(function (request, peer) {
    index += 1;
    const response = Buffer.from(request);
    response.writeUInt8(RESPONSE);
    response.writeBigUInt64BE(BigInt(Date.now()), 5);
    expect(request).toHaveLength(QUERY_BYTES);
    treat(index, (bytes = response) => this.send(bytes, peer.port, peer.address), response);
  });
}

describe.concurrent("portolan call time-query", () => {
  it("asks so often, and says how long each answer took", async () => {
    const args = ["--count", "3", "--interval", "0.01"];
    const { status, stdout } = await portolan(["call", "time-query", ours.endpoint("time-query", "udp"), ...args]);
    expect(status).toBe(OK);
    expect(stdout.split("\n")).toEqual([
      ...[1, 2, 3].map((index) =>
        expect.stringMatching(new RegExp(`^answer ${index}: \\d{4}-\\S+Z after \\d+\\.\\d{3} ms$`)),
      ),
      "3 requests of 13 bytes: 3 answered, 0 late, 0 lost (0.0 % not in time)",
      "0 reordered, 0 duplicated, 0 that were no answer",
      expect.stringMatching(/^round trip min\/mean\/max\/deviation (\d+\.\d{3}\/?){4} ms; its clock is /),
      "",
    ]);
  });

  it("counts in a burst what is lost, reordered and duplicated", async () => {
    let late: (() => void) | undefined;
    await using server = await queryServer((index, answer) => {
      if (index === 3 || index === 10) return;
      if (index === 5) {
        late = answer;
        return;
      }
      answer();
      if (index === 6) late?.();
      if (index === 8) answer();
    });
    const args = ["call", "time-query", server.endpoint, "--burst", "12", "--gap", "0.001", "--timeout", "4"];
    const { status, stdout } = await portolan(args);
    expect(stdout.split("\n").slice(0, 3)).toEqual([
      "12 requests of 13 bytes: 10 answered, 0 late, 2 lost (16.7 % not in time)",
      "1 reordered, 1 duplicated, 0 that were no answer",
      "lost: 3 10",
    ]);
    expect(status).toBe(OK);
  });

  it("tells late answers from lost ones, and what is no answer", async () => {
    await using server = await queryServer((index, answer, response) => {
      if (index === 1) answer(response.subarray(0, QUERY_BYTES - 1));
      // Long after it was given up, and while the last is waited for.
      if (index === 3) answer();
    });
    const args = ["--count", "3", "--interval", "0.05", "--timeout", "3", "--json"];
    const { status, stdout } = await portolan(["call", "time-query", server.endpoint, ...args]);
    expect(status).toBe(OK);
    expect(lastEvent(stdout)).toMatchObject({ event: "report", sent: 3, answered: 1, lost: 2, malformed: 1, late: 0 });
  });

  it("says of each request that it had no answer in time, and fails where none had", async () => {
    await using server = await queryServer(() => {});
    const args = ["--count", "2", "--interval", "0.01", "--timeout", "0.1"];
    const { status, stdout, stderr } = await portolan(["call", "time-query", server.endpoint, ...args]);
    expect(stdout.split("\n")).toEqual([
      "answer 1: none in time",
      "answer 2: none in time",
      "2 requests of 13 bytes: 0 answered, 0 late, 2 lost (100.0 % not in time)",
      "0 reordered, 0 duplicated, 0 that were no answer",
      "lost: 1-2",
      "",
    ]);
    expect({ status, stderr }).toEqual({
      status: UNAVAILABLE,
      stderr: `portolan call: no answer from ${server.endpoint} in time to any of 2 requests\n`,
    });
  });

  it("counts an answer that comes after its time as late", async () => {
    const held: (() => void)[] = [];
    await using server = await queryServer((index, answer) => {
      if (index === 1) held.push(answer);
      else {
        // The second is asked only when the first was given up.
        for (const release of held.splice(0)) release();
        answer();
      }
    });
    const args = ["--count", "2", "--interval", "2", "--timeout", "1.5", "--json"];
    const { stdout } = await portolan(["call", "time-query", server.endpoint, ...args]);
    expect(lastEvent(stdout)).toMatchObject({ sent: 2, late: 1, lost: 0 });
  });

  it.each([
    { args: ["--burst", "5", "--count", "3"], says: /--burst has --gap in place of --count and --interval/ },
    { args: ["--gap", "1"], says: /--gap is for a --burst; else there is --interval/ },
    { args: ["--count", "0"], says: /--count takes a whole number from 1 to/ },
  ])("says what is wrong with $args", async ({ args, says }) => {
    const { status, stderr } = await portolan(["call", "time-query", ...args]);
    expect(stderr).toMatch(says);
    expect(status).toBe(USAGE);
  });
});
