/**
 * The services against programs by others, both ways: xinetd's built-in services, nc, socat, telnet, busybox and Python's
 * standard library. Programs in C that were written from the formats alone are in services-c.test.ts.
 */
import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { closeThreadReactor } from "portolan/reactor";
import { EXIT, type ServiceEntry, services, trialCommands } from "portolan/service";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { needs, Program, shell } from "../cli/portolan.ts";
import { type Served, serveAll } from "../support/all-services.ts";
import { askDatagram, chargenPattern, converse, dial, expectSilence, readUntil } from "../support/conversations.ts";
import { needsProgram, outputOf } from "../support/programs.ts";
import { callService } from "../support/service-calls.ts";
import { BUILT_INS, startXinetdBuiltIns, TRANSPORTS, type XinetdBuiltIns } from "../support/xinetd-built-ins.ts";

const SECONDS_1900_TO_1970 = 2_208_988_800;
const MS_PER_SECOND = 1000;
const EVERY_BYTE = Buffer.from(Array.from({ length: 1024 }, (_, i) => i % 256));
const PATTERN_LINES = 200;
/** The characters of xinetd's ring, from its first: neither space nor tilde, which are printing characters too. */
const XINETD_RING = Array.from({ length: 93 }, (_, i) => String.fromCharCode(33 + i)).join("");
/** Until a line needs a character that xinetd has not, both rings are the same. */
const COMMON_LINES = XINETD_RING.length - 72 + 1;
/** 72 characters, CR and LF. */
const CHARGEN_LINE_BYTES = 74;
const XINETD_DATAGRAM_BYTES = 1024;

let ours: Served;
beforeAll(async () => {
  ours = await serveAll();
});
afterAll(async () => {
  await ours[Symbol.asyncDispose]();
  closeThreadReactor();
});

function xinetdPattern(lines: number): string {
  return Array.from({ length: lines }, (_, line) => {
    // It goes through 95 lines, as if it had all characters.
    const start = (line % 95) % XINETD_RING.length;
    return `${(XINETD_RING + XINETD_RING).slice(start, start + 72)}\r\n`;
  }).join("");
}

/** Asserts that a clock of whole seconds showed a moment between two of ours. */
function expectBetween(unixMs: number, beforeMs: number, afterMs: number): void {
  expect(unixMs).toBeGreaterThanOrEqual(Math.floor(beforeMs / MS_PER_SECOND) * MS_PER_SECOND);
  expect(unixMs).toBeLessThanOrEqual(afterMs);
}

describe("xinetd", () => {
  const started: XinetdBuiltIns[] = [];
  afterAll(() => Promise.all(started.map((one) => one[Symbol.asyncDispose]())));
  const endpoints = async (
    context: Parameters<typeof needs>[0],
    service: (typeof BUILT_INS)[number],
    transport: (typeof TRANSPORTS)[number],
  ): Promise<[string, string]> => {
    needs(context, "xinetd");
    // Where it stands in its ring depends on what was asked before.
    if (started.length === 0 || service === "chargen") started.push(await startXinetdBuiltIns());
    const theirs = started.at(-1) as XinetdBuiltIns;
    return [ours.endpoint(service, transport), theirs.endpoint(service, transport)];
  };
  const fetch = (endpoint: string, bytes: Uint8Array | string = ""): Promise<Buffer> =>
    endpoint.startsWith("tcp") ? converse(endpoint, bytes) : askDatagram(endpoint, bytes);

  it.for(TRANSPORTS)("echoes the same bytes as we do over %s", async (transport, context) => {
    const [own, other] = await endpoints(context, "echo", transport);
    expect(await fetch(own, EVERY_BYTE)).toEqual(EVERY_BYTE);
    expect(await fetch(other, EVERY_BYTE)).toEqual(EVERY_BYTE);
  });

  it("generates the same characters over TCP, as far as its ring has them all", async (context) => {
    const [own, other] = await endpoints(context, "chargen", "tcp");
    const wanted = [chargenPattern(PATTERN_LINES), xinetdPattern(PATTERN_LINES)] as const;
    for (const [index, endpoint] of [own, other].entries()) {
      const pattern = wanted[index] as string;
      const socket = dial(endpoint);
      const all = await readUntil(socket, ({ length }) => length >= pattern.length);
      socket.destroy();
      expect(all.toString("latin1", 0, pattern.length)).toBe(pattern);
    }
    // It begins with our second line.
    const common = COMMON_LINES * CHARGEN_LINE_BYTES;
    expect(wanted[0].slice(CHARGEN_LINE_BYTES, CHARGEN_LINE_BYTES + common)).toBe(wanted[1].slice(0, common));
  });

  it("generates lines of the same pattern over UDP, in more bytes than RFC 864 allows", async (context) => {
    const [own, other] = await endpoints(context, "chargen", "udp");
    const answer = (await askDatagram(own, EVERY_BYTE)).toString("latin1");
    expect(answer.length).toBeLessThanOrEqual(512);
    expect(chargenPattern(95)).toContain(answer);
    const long = (await askDatagram(other, EVERY_BYTE)).toString("latin1");
    // Its last line is cut, and has an end all the same.
    const shown = XINETD_DATAGRAM_BYTES - "\r\n".length;
    expect(long).toBe(`${chargenPattern(95).slice(CHARGEN_LINE_BYTES, CHARGEN_LINE_BYTES + shown)}\r\n`);
  });

  it.for(TRANSPORTS)("discards as we do over %s", async (transport, context) => {
    for (const endpoint of await endpoints(context, "discard", transport)) {
      if (transport === "tcp") expect(await converse(endpoint, EVERY_BYTE)).toHaveLength(0);
      else await expectSilence(endpoint, "hello");
    }
  });

  it.for(TRANSPORTS)("has the same time in four bytes over %s", async (transport, context) => {
    const both = await endpoints(context, "time", transport);
    const beforeMs = Date.now();
    for (const endpoint of both) {
      const answer = await fetch(endpoint);
      expect(answer).toHaveLength(4);
      expectBetween((answer.readUInt32BE() - SECONDS_1900_TO_1970) * MS_PER_SECOND, beforeMs, Date.now());
    }
  });

  it.for(TRANSPORTS)("tells the same time of day over %s, each in a form of its own", async (transport, context) => {
    const [own, other] = await endpoints(context, "daytime", transport);
    const beforeMs = Date.now();
    const line = (await fetch(own)).toString("latin1");
    expect(line).toMatch(/^\w{3} \w{3} [ \d]\d \d\d:\d\d:\d\d \d{4}\r\n$/);
    expectBetween(Date.parse(line), beforeMs, Date.now());
    const smtp = (await fetch(other)).toString("latin1");
    const [, day, month, year, time] = /^(\d\d) ([A-Z]{3}) (\d{4}) (\S{8}) \S+\r\n$/.exec(smtp) ?? [];
    expectBetween(Date.parse(`${day} ${month} ${year} ${time}`), beforeMs, Date.now());
  });

  it.for(BUILT_INS.flatMap((service) => TRANSPORTS.map((transport) => ({ service, transport }))))(
    "answers our client of $service over $transport",
    async ({ service, transport }, context) => {
      const [, endpoint] = await endpoints(context, service, transport);
      const options = { echo: { message: "hello" }, discard: {}, chargen: { lines: 3 }, daytime: {}, time: {} };
      const beforeMs = Date.now();
      const { status, text, events, problems } = await callService(service, endpoint, {
        options: options[service],
        input: service === "discard" ? "to nobody\n" : "",
      });
      expect(problems).toEqual([]);
      expect(status).toBe(EXIT.OK);
      const last = events.at(-1);
      if (service === "echo") expect(text).toBe("hello\n");
      if (service === "discard") expect(last?.fields).toMatchObject({ sentBytes: transport === "tcp" ? 10 : 9 });
      if (service === "chargen" && transport === "tcp") expect(text).toBe(chargenPattern(4).slice(CHARGEN_LINE_BYTES));
      if (service === "chargen" && transport === "udp") {
        expect(last?.fields).toMatchObject({ bytes: XINETD_DATAGRAM_BYTES, isLong: true });
      }
      if (service === "daytime") expect(last?.fields).toMatchObject({ form: "smtp" });
      if (service === "daytime" || service === "time") {
        expectBetween(last?.fields.unixMs as number, beforeMs, Date.now());
      }
    },
  );
});

/** What the commands of `portolan services` print for each service, when pasted. */
const PRINTED: Readonly<Record<string, RegExp>> = {
  chargen: /^[ -~\r\n]*$/,
  counter: /^\d+\r\n/,
  daytime: /^\w{3} \w{3} [ \d]\d \d\d:\d\d:\d\d \d{4}\r\n$/,
  discard: /^$/,
  echo: /^hello\n$/,
  hangman: /^Hangman: .*\r\n_( _)* {2}12 lives left\r\nGoodbye\.\r\n$/,
  random: /^( [\da-f]{2}){16}\n/,
  rot13: /^Uryyb, jbeyq\n$/,
  squares: /\r\n2 3 is (yours|occupied by player-\d+)\.\r\n$/,
  time: /^( +\d{1,3}){4}\n$/,
  "time-query": /^ 02 00 00 00 01( [\da-f]{2}){8}\n$/,
  truncate: /^hello wo$/,
};

describe.each(["nc", "socat"] as const)("%s", (program) => {
  const cases = services.flatMap((entry) =>
    entry.transports
      .filter((transport) => transport !== "unix")
      .map((transport) => ({ service: entry.name, transport, entry })),
  );
  it.concurrent.for(cases)("uses $service over $transport by the command that is shown", async (one, { expect }) => {
    const shown = commandFor(one.entry, ours.endpoint(one.service, one.transport), program);
    // Where the command leaves the typing to a person, there is one here.
    const command = one.service === "hangman" ? `echo /quit | ${shown}` : shown;
    const { status, stdout } = await shell(command, { TZ: "UTC" });
    expect(stdout, command).toMatch(PRINTED[one.service] ?? /^unknown$/);
    expect(status, command).toBe(0);
  });
});

function commandFor(entry: ServiceEntry, endpoint: string, program: "nc" | "socat"): string {
  const found = trialCommands(entry, endpoint).find((candidate) => candidate.program === program);
  if (found === undefined) throw new Error(`no command of ${program} for ${endpoint}`);
  return found.command;
}

describe("busybox", () => {
  it("nc uses echo, daytime and rot13", async (context) => {
    needs(context, "busybox");
    const port = (name: string): number | undefined => ours.ports[name]?.tcp;
    expect((await shell(`printf 'hello\\n' | busybox nc 127.0.0.1 ${port("echo")}`)).stdout).toBe("hello\n");
    expect((await shell(`printf 'Hello\\n' | busybox nc 127.0.0.1 ${port("rot13")}`)).stdout).toBe("Uryyb\n");
    expect((await shell(`busybox nc 127.0.0.1 ${port("daytime")}`)).stdout).toMatch(PRINTED.daytime as RegExp);
  });

  it("rdate reads time", async (context) => {
    needs(context, "busybox");
    const beforeMs = Date.now();
    const { stdout } = await shell(`busybox rdate -p 127.0.0.1:${ours.ports.time?.tcp}`, { TZ: "UTC" });
    expectBetween(Date.parse(`${stdout.trim()} UTC`), beforeMs, Date.now());
  });
});

/** Types Ctrl-C into a telnet at a terminal, then leaves the game, and waits for its farewell. */
const CTRL_C = `
import os, pty, sys
child, terminal = pty.fork()
if child == 0:
    os.execvp("telnet", ["telnet", "127.0.0.1", sys.argv[1]])
seen = b""
def until(text):
    global seen
    while text not in seen:
        seen += os.read(terminal, 4096)
    seen = seen.split(text, 1)[1]
until(b"lives left")
os.write(terminal, b"\\x03")
until(b"^C")
os.write(terminal, b"/quit\\r")
until(b"Goodbye.")
print("Goodbye.")
os.close(terminal)
os.waitpid(child, 0)
`;

describe("hangman", () => {
  const port = (): string => String(ours.ports.hangman?.tcp);

  it.for([
    // With a minus before the port it begins with negotiation, as at the port of telnet itself.
    { client: "telnet, which negotiates", program: "telnet", args: () => ["--", "127.0.0.1", `-${port()}`] },
    { client: "telnet", program: "telnet", args: () => ["127.0.0.1", port()] },
    { client: "busybox telnet", program: "busybox", args: () => ["telnet", "127.0.0.1", port()] },
    { client: "nc", program: "nc", args: () => ["127.0.0.1", port()] },
    { client: "socat", program: "socat", args: () => ["-", `TCP:127.0.0.1:${port()},crnl`] },
  ])("is played to its end from $client", async ({ program, args }, context) => {
    needs(context, program);
    await using player = new Program(program, args());
    const turns = (): string[] => player.stdout.match(/^[a-z_]( [a-z_])* {2}\d+ (lives|life) left\r?$/gm) ?? [];
    await player.until("the word", () => turns()[0]);
    // Frequent letters first; after a few wrong ones, the round is lost, which is an end too.
    let played = 0;
    for (const letter of "eaoirtnslcudpmhgbfywkvxzqj") {
      if (player.stdout.includes("Another round?")) break;
      player.write(`${letter}\n`);
      played += 1;
      await player.until("the next turn", () => (player.stdout.includes("Another round?") ? "over" : turns()[played]));
    }
    player.write("n\n");
    await player.until("its farewell", () => /Goodbye\.\r?\n/.exec(player.stdout) ?? undefined);
    player.endInput();
    const { stdout } = await player.end();
    expect(stdout).not.toMatch(/A letter from a to z, please/);
    expect(stdout).not.toContain("\\xff");
  });

  it("goes on in a telnet whose user has typed Ctrl-C, which shows nothing until it has its timing mark", async (context) => {
    needs(context, "telnet");
    needs(context, "python3");
    await using player = new Program("python3", ["-c", CTRL_C, port()]);
    expect(await player.end()).toMatchObject({ status: 0, stdout: "Goodbye.\n" });
  });
});

describe("Python's standard library", () => {
  it("talks to every service", async (context) => {
    needsProgram(context, "python3", ["--version"]);
    await using served = await serveAll();
    const script = fileURLToPath(new URL("../fixtures/interop/small-services.py", import.meta.url));
    const stdio = ["ignore", "pipe", "pipe"] as const;
    const told = JSON.parse(
      await outputOf(spawn("python3", [script, JSON.stringify(served.ports)], { stdio: [...stdio] })),
    );
    expect(told).toEqual({
      "echo tcp": true,
      "echo udp": true,
      "discard tcp": "",
      "discard udp": null,
      "chargen tcp": chargenPattern(PATTERN_LINES),
      "chargen udp": expect.stringMatching(/^[ -~\r\n]{0,200}$/),
      "time tcp": true,
      "time udp": true,
      "daytime tcp": true,
      "daytime udp": true,
      "rot13 tcp": "Uryyb, Jbeyq! 123\n",
      "rot13 udp": "Uryyb, Jbeyq! 123\n",
      "time-query udp": true,
      "time-query of 12 bytes": null,
      "truncate udp": "hello wo",
      "random tcp": [5000, true],
      "hangman tcp": expect.arrayContaining([expect.stringMatching(/^[x_]( [x_])* {2}1[12] lives left$/), "Goodbye."]),
      "squares tcp": expect.arrayContaining(["1 1 is yours.", "1 1 is occupied by you.", "Goodbye."]),
      "counter tcp": ["41", "42"],
    });
  });
});
