/**
 * The clients and options of chargen, discard, daytime, time, rot13 and the truncating echo, by the real command: what is
 * printed, what servers that are not ours are told, and how it ends.
 */
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { createServer, type Socket } from "node:net";
import { join } from "node:path";
import { closeThreadReactor } from "portolan/reactor";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Served, serveAll } from "../support/all-services.ts";
import { askDatagram, chargenPattern, converse } from "../support/conversations.ts";
import { type Program, portolan, scratchFolder, shell, start } from "./portolan.ts";

const OK = 0;
const USAGE = 64;
const NOINPUT = 66;
const UNAVAILABLE = 69;
const PROTOCOL = 76;
const SECONDS_1900_TO_1970 = 2_208_988_800;

let ours: Served;
beforeAll(async () => {
  ours = await serveAll(["chargen", "daytime", "discard", "echo", "rot13", "time", "truncate"]);
});
afterAll(async () => {
  await ours[Symbol.asyncDispose]();
  closeThreadReactor();
});

const portOf = (endpoint: string): string => endpoint.split(":").at(-1) as string;

/** `portolan serve` at one endpoint, and where that is. */
async function serving(...args: string[]): Promise<AsyncDisposable & { program: Program; endpoint: string }> {
  const program = start(["serve", ...args, "--json"]);
  const [listening] = await program.listening(1);
  return {
    program,
    endpoint: listening?.endpoint as string,
    [Symbol.asyncDispose]: () => program[Symbol.asyncDispose](),
  };
}

/** A TCP server of this process. */
async function other(serve: (socket: Socket) => void): Promise<AsyncDisposable & { readonly endpoint: string }> {
  const server = createServer((socket) => serve(socket.on("error", () => {}))).listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    endpoint: `tcp://127.0.0.1:${(server.address() as { port: number }).port}`,
    async [Symbol.asyncDispose]() {
      server.close();
      await once(server, "close");
    },
  };
}

function lastEvent(stdout: string): Record<string, unknown> {
  return JSON.parse(stdout.trim().split("\n").at(-1) as string) as Record<string, unknown>;
}

describe.concurrent("portolan call chargen", () => {
  it("prints so many lines or bytes of the pattern of RFC 864", async () => {
    const endpoint = ours.endpoint("chargen", "tcp");
    const lines = await portolan(["call", "chargen", endpoint, "--lines", "100"]);
    expect(lines).toMatchObject({ status: OK, stdout: chargenPattern(100), stderr: "" });
    const bytes = await portolan(["call", "chargen", endpoint, "--bytes", "1k", "--verbose"]);
    expect(bytes).toMatchObject({ status: OK, stdout: chargenPattern(100).slice(0, 1024) });
    expect(bytes.stderr).toMatch(/^portolan call: 1024 bytes in .*, all of it the pattern of RFC 864\n$/);
  });

  it("gets no more over UDP than it asked with, unless the server may amplify", async () => {
    const ask = async (endpoint: string, size: string): Promise<Record<string, unknown>> =>
      lastEvent((await portolan(["call", "chargen", endpoint, "--ask", size, "--json"])).stdout);
    expect(await ask(ours.endpoint("chargen", "udp"), "0")).toMatchObject({ bytes: 0, isAmplified: false });
    await using generous = await serving("chargen", "--amplify", "--listen", "udp://127.0.0.1:0");
    let longest = 0;
    // Of a random length up to 512: that 20 are empty has a chance of one in 513 to the power of 20.
    for (let i = 0; i < 20 && longest === 0; i += 1) longest = (await askDatagram(generous.endpoint, "")).length;
    expect(longest).toBeGreaterThan(0);
    expect(longest).toBeLessThanOrEqual(512);
  });

  it("says where a server leaves the pattern, and that two limits are one too many", async () => {
    await using server = await other((socket) => socket.end('!"#$% and so on'));
    const { status, stderr } = await portolan(["call", "chargen", server.endpoint, "--lines", "1"]);
    expect({ status, stderr }).toEqual({
      status: PROTOCOL,
      stderr: `portolan call: ${server.endpoint} left the pattern that RFC 864 recommends at byte 5\n`,
    });
    const both = await portolan(["call", "chargen", "--lines", "1", "--bytes", "1"]);
    expect(both).toMatchObject({ status: USAGE, stderr: expect.stringContaining("one will do") });
  });
});

describe.concurrent("portolan call discard", () => {
  it("says how much was thrown away, and that a server that answers is none", async () => {
    const args = (endpoint: string): string[] => ["call", "discard", endpoint, "--bytes", "1M", "--json"];
    const { status, stdout } = await portolan(args(ours.endpoint("discard", "tcp")));
    expect({ status, last: lastEvent(stdout) }).toMatchObject({ status: OK, last: { sentBytes: 1 << 20 } });
    const echo = await portolan(["call", "discard", ours.endpoint("echo", "tcp"), "--message", "hello"]);
    expect(echo).toMatchObject({ status: PROTOCOL, stderr: expect.stringContaining("RFC 863") });
  });
});

describe.concurrent("portolan serve daytime", () => {
  it.each([
    { form: "ctime", line: /^(Sun|Mon|Tue|Wed|Thu|Fri|Sat) [A-Z][a-z]{2} [ 123]\d \d\d:\d\d:\d\d \d{4}\r\n$/ },
    // RFC 867: Tuesday, February 22, 1982 17:37:43-PST
    { form: "weekday", line: /^[A-Z][a-z]+day, [A-Z][a-z]{2,8} \d{1,2}, \d{4} \d\d:\d\d:\d\d-UTC\r\n$/ },
    // RFC 867: 02 FEB 82 07:59:01 PST
    { form: "smtp", line: /^\d\d [A-Z]{3} \d\d \d\d:\d\d:\d\d UTC\r\n$/ },
  ])("writes the form $form, which our client knows again", async ({ form, line }) => {
    const args = ["daytime", "--form", form, "--zone", "utc", "--listen", "tcp://127.0.0.1:0"];
    await using server = await serving(...args);
    const beforeMs = Date.now();
    expect(String(await converse(server.endpoint, ""))).toMatch(line);
    const { stdout } = await portolan(["call", "daytime", server.endpoint, "--json"]);
    const { unixMs, ...told } = lastEvent(stdout);
    expect(told).toMatchObject({ event: "daytime", form, zoneMinutes: 0 });
    expect(unixMs).toBeGreaterThanOrEqual(beforeMs - 1000);
    expect(unixMs).toBeLessThanOrEqual(Date.now());
  });

  it("tells the time of its machine's zone as date(1) does", async () => {
    const zone = { TZ: "Asia/Kolkata" };
    await using program = start(["serve", "daytime", "--listen", "udp://127.0.0.1:0", "--json"], zone);
    const endpoint = (await program.listening(1))[0]?.endpoint as string;
    const date = async (): Promise<string> =>
      (await shell("LC_ALL=C date '+%a %b %e %H:%M:%S %Y'", zone)).stdout.trim();
    const before = await date();
    const line = String(await askDatagram(endpoint, "")).trim();
    const after = await date();
    expect(Date.parse(line)).toBeGreaterThanOrEqual(Date.parse(before));
    expect(Date.parse(line)).toBeLessThanOrEqual(Date.parse(after));
    const { stderr } = await portolan(["call", "daytime", endpoint, "--verbose"]);
    expect(stderr).toContain("a clock UTC+05:30, ");
  });
});

describe.concurrent("portolan call time", () => {
  const answering = (seconds: number): Promise<AsyncDisposable & { readonly endpoint: string }> => {
    const bytes = Buffer.alloc(4);
    bytes.writeUInt32BE(seconds);
    return other((socket) => socket.end(bytes));
  };

  it("prints the moment and the number, and says when the count begins again", async () => {
    const beforeMs = Date.now();
    const { status, stdout, stderr } = await portolan(["call", "time", ours.endpoint("time", "tcp"), "--verbose"]);
    expect(status).toBe(OK);
    const [, moment = "", seconds] = /^(\S+Z) {2}(\d+) seconds since \S+/.exec(stdout) ?? [];
    expect(Date.parse(moment)).toBeGreaterThanOrEqual(beforeMs - 1000);
    expect(Date.parse(moment)).toBeLessThanOrEqual(Date.now());
    expect(Number(seconds)).toBe((Date.parse(moment) / 1000 + SECONDS_1900_TO_1970) % 2 ** 32);
    expect(stderr).toMatch(/ s from our clock; era \d, the nearest to it; the count begins again at \d{4}-/);
  });

  it("takes a small number for a moment after the turn of 2036, and says so", async () => {
    await using server = await answering(100);
    expect(await portolan(["call", "time", server.endpoint])).toMatchObject({
      status: OK,
      stdout:
        "2036-02-07T06:29:56Z  100 seconds since 2036-02-07T06:28:16Z (era 1 of RFC 868's count, which began again then)\n",
    });
  });

  it("takes the last number before the turn for one of the first era", async () => {
    await using server = await answering(2 ** 32 - 1);
    const { stdout } = await portolan(["call", "time", server.endpoint]);
    expect(stdout).toBe("2036-02-07T06:28:15Z  4294967295 seconds since 1900\n");
  });

  it("says that an answer of another length is none", async () => {
    await using server = await other((socket) => socket.end("12345"));
    expect(await portolan(["call", "time", server.endpoint])).toMatchObject({
      status: PROTOCOL,
      stderr: `portolan call: ${server.endpoint} answered more than 4 bytes where RFC 868 asks for 4\n`,
    });
  });
});

describe.concurrent("portolan call rot13", () => {
  /** A services file that has our server's port, under a name that no list of the system has. */
  function servicesFile(folder: string): string {
    const path = join(folder, "services");
    const line = (transport: "tcp" | "udp"): string =>
      `portolan-rot13 ${portOf(ours.endpoint("rot13", transport))}/${transport}\n`;
    writeFileSync(path, `# ours\n${line("tcp")}${line("udp")}`);
    return path;
  }

  it("looks host and service up in the classic way, and shows what each call returned", async () => {
    using folder = scratchFolder();
    const file = servicesFile(folder.path);
    const args = ["call", "rot13", "tcp://localhost:1", "--lookup", "classic", "--service", "portolan-rot13"];
    const ended = await portolan([...args, "--services", file, "--message", "Hello, 13"]);
    expect(ended).toMatchObject({ status: OK, stdout: "Uryyb, 13\n" });
    const port = portOf(ours.endpoint("rot13", "tcp"));
    expect(ended.stderr.split("\n")).toEqual([
      expect.stringMatching(
        /^portolan call: gethostbyname\("localhost"\) = \{ h_name: "localhost", .*h_addrtype: AF_INET, h_length: 4, h_addr_list: \[127\.0\.0\.1.*\] \}$/,
      ),
      'portolan call: getservbyname("portolan-rot13", "tcp") = NULL',
      `portolan call: ${file}: portolan-rot13 ${port}/tcp`,
      `portolan call: connect(tcp://127.0.0.1:${port})`,
      "",
    ]);
  });

  it("looks them up in the modern way, over UDP", async () => {
    using folder = scratchFolder();
    const file = servicesFile(folder.path);
    const args = ["call", "rot13", "udp://127.0.0.1:1", "--lookup", "modern", "--service", "portolan-rot13"];
    const ended = await portolan([...args, "--services", file, "--message", "Hello"]);
    expect(ended).toMatchObject({ status: OK, stdout: "Uryyb\n" });
    const port = portOf(ours.endpoint("rot13", "udp"));
    expect(ended.stderr.split("\n")).toEqual([
      expect.stringMatching(
        /^portolan call: getaddrinfo\("127\.0\.0\.1", "portolan-rot13", \{ ai_socktype: SOCK_DGRAM \}\) = EAI_(SERVICE|NONAME)$/,
      ),
      `portolan call: ${file}: portolan-rot13 ${port}/udp`,
      `portolan call: getaddrinfo("127.0.0.1", "${port}", { ai_socktype: SOCK_DGRAM }) = [127.0.0.1:${port}]`,
      `portolan call: connect(udp://127.0.0.1:${port})`,
      "",
    ]);
  });

  it.each([
    {
      lookup: "classic",
      line: 'getservbyname("tcpmux", "tcp") = { s_name: "tcpmux", s_aliases: [], s_port: htons(1), s_proto: "tcp" }',
    },
    { lookup: "modern", line: 'getaddrinfo("127.0.0.1", "tcpmux", { ai_socktype: SOCK_STREAM }) = [127.0.0.1:1]' },
  ])("finds in /etc/services what is there: $lookup", async ({ lookup, line }) => {
    // tcpmux, port 1, which nobody serves any more.
    const args = ["call", "rot13", "tcp://127.0.0.1:9", "--lookup", lookup, "--service", "tcpmux", "--message", "x"];
    const { status, stderr } = await portolan(args);
    expect(stderr).toContain(`portolan call: ${line}\nportolan call: connect(tcp://127.0.0.1:1)\n`);
    expect(status).toBe(UNAVAILABLE);
  });

  it("uses port 1067 of the file that ships", async () => {
    const args = ["call", "rot13", "tcp://127.0.0.1:9", "--lookup", "classic", "--message", "Hello", "--json"];
    const { stdout } = await portolan(args);
    // Whether anybody listens there is this machine's business.
    expect(stdout).toContain('share/services: rot13 1067/tcp"');
    expect(stdout).toContain('"connect(tcp://127.0.0.1:1067)"');
  });

  it.each([
    { args: ["--lookup", "old"], status: USAGE, says: /--lookup takes one of classic, modern, not "old"/ },
    {
      args: ["--lookup", "classic", "--service", "nonesuch"],
      status: USAGE,
      says: /has a service "nonesuch" over tcp/,
    },
    {
      args: ["--lookup", "modern", "--service", "nonesuch", "--services", "/nowhere"],
      status: NOINPUT,
      says: /\/nowhere cannot be read as a services file: there is no such file \(ENOENT\); give /,
    },
    { args: ["--threads", "0"], status: USAGE, says: /--threads takes a whole number from 1 to 64, not "0"/ },
  ])("says what is wrong with $args", async ({ args, status, says }) => {
    const ended = await portolan(["call", "rot13", ...args, "--message", "x"]);
    expect(ended.stderr).toMatch(says);
    expect(ended.status).toBe(status);
  });

  it.each(["tcp", "udp"] as const)("loads a server over %s from several threads", async (transport) => {
    const args = ["call", "rot13", ours.endpoint("rot13", transport), "--threads", "3", "--count", "50"];
    const { status, stdout, stderr } = await portolan(args);
    expect({ status, stderr }).toEqual({ status: OK, stderr: "" });
    expect(stdout).toMatch(/^3 threads, 150 messages: 150 answered, 0 wrong, 0 lost; \d+ a second\n$/);
  });

  it("says that a server under load is no rot13, or is not there", async () => {
    const args = ["--threads", "2", "--count", "5", "--message", "abc"];
    const echo = await portolan(["call", "rot13", ours.endpoint("echo", "tcp"), ...args]);
    expect(echo.stdout).toMatch(/^2 threads, 10 messages: 0 answered, 10 wrong, 0 lost; 0 a second\n$/);
    expect(echo).toMatchObject({ status: PROTOCOL, stderr: expect.stringContaining("it is no rot13 server") });
    const gone = await other(() => {});
    await gone[Symbol.asyncDispose]();
    const { status, stderr } = await portolan(["call", "rot13", gone.endpoint, ...args]);
    expect(status).toBe(UNAVAILABLE);
    expect(stderr).toMatch(/^portolan call: connect ECONNREFUSED .*: nothing listens there; start it with: /);
  });
});

describe.concurrent("the truncating echo", () => {
  it("answers what fitted into --buffer, tells the true length, and logs it", async () => {
    const args = ["truncate", "--buffer", "5", "--tell", "--log", "--listen", "udp://127.0.0.1:0"];
    await using server = await serving(...args);
    expect(String(await askDatagram(server.endpoint, "hello world"))).toBe("hello [5 of 11 bytes]\n");
    expect(String(await askDatagram(server.endpoint, "hello"))).toBe("hello");
    const call = await portolan(["call", "truncate", server.endpoint, "--message", "hello world"]);
    expect(call).toMatchObject({
      status: OK,
      stdout:
        'sent  11 bytes: "hello world"\nback  5 bytes: "hello"  6 did not fit and are gone\nsays  [5 of 11 bytes]\n',
    });
    const { program } = server;
    const log = ["5 of 11 bytes received, 6 did not fit (MSG_TRUNC)", "5 of 5 bytes received, it fitted"];
    for (const line of log) {
      await program.until(line, () => (program.stderr.includes(`truncate: ${line}\n`) ? true : undefined));
    }
  });

  it("shows line by line what came back", async () => {
    const { status, stdout } = await portolan(["call", "truncate", ours.endpoint("truncate", "udp")], {
      input: "short\nlonger than eight\n",
    });
    expect({ status, lines: stdout.split("\n") }).toEqual({
      status: OK,
      lines: [
        'sent  5 bytes: "short"',
        'back  5 bytes: "short"  all of it fitted',
        'sent  17 bytes: "longer than eight"',
        'back  8 bytes: "longer t"  9 did not fit and are gone',
        "",
      ],
    });
  });

  it("gives up on who does not answer", async () => {
    const silent = createSocket("udp4").bind(0, "127.0.0.1");
    try {
      await once(silent, "listening");
      const endpoint = `udp://127.0.0.1:${silent.address().port}`;
      const ended = await portolan(["call", "truncate", endpoint, "--message", "x", "--timeout", "0.1"]);
      expect(ended).toMatchObject({
        status: UNAVAILABLE,
        stderr: `portolan call: no answer from ${endpoint} within 0.1 s: lost, dropped by a firewall, or nobody serves it there\n`,
      });
    } finally {
      silent.close();
      await once(silent, "close");
    }
  });
});
