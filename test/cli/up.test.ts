/** `portolan up`: all services, as a newcomer meets them. */
import { once } from "node:events";
import { existsSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { dirname, join } from "node:path";
import { describe, expect, it } from "vitest";
import { echoOfDatagram, echoOfStream, openConnection } from "./echoes.ts";
import { type Listening, needs, Program, portolan, scratchFolder, shell, start } from "./portolan.ts";

const UNAVAILABLE = 69;
/** The three endpoints of one service stand for those of all. */
const UP = ["up", "--only", "echo"];
/** What `up` adds an offset to. */
const ECHO_PORT = 7007;

function endpointOf(listening: readonly Listening[], transport: string): string {
  const found = listening.find(({ endpoint }) => endpoint.startsWith(`${transport}://`));
  if (found === undefined) throw new Error(`no ${transport} endpoint in ${JSON.stringify(listening)}`);
  return found.endpoint;
}

/** A TCP port of 127.0.0.1 that this process holds, until the end of the block. */
async function heldPort(): Promise<AsyncDisposable & { readonly port: number }> {
  const server = createServer();
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const close = async (): Promise<void> => {
    server.close();
    await once(server, "close");
  };
  return { port: (server.address() as AddressInfo).port, [Symbol.asyncDispose]: close };
}

describe("portolan up --json", () => {
  it("serves echo over TCP, UDP and a unix socket, counts, and stops cleanly at SIGINT", async () => {
    using scratch = scratchFolder();
    await using program = start([...UP, "--any-port", "--json"], { TMPDIR: scratch.path });
    const listening = await program.listening(3);
    expect(listening.map(({ service, pid }) => [service, pid])).toEqual(Array(3).fill(["echo", program.pid]));
    const tcp = endpointOf(listening, "tcp");
    const udp = endpointOf(listening, "udp");
    const unix = endpointOf(listening, "unix");
    expect(await echoOfStream(tcp, "over TCP")).toBe("over TCP");
    expect(await echoOfDatagram(udp, "over UDP")).toBe("over UDP");
    expect(await echoOfStream(unix, "over unix")).toBe("over unix");
    await program.until("counters", () => program.events("counters").find((event) => event.endpoint === unix));

    program.signal("SIGINT");
    expect(await program.end()).toMatchObject({ status: 0, stderr: "" });
    const last = (endpoint: string): unknown =>
      program.events("counters").findLast((event) => event.endpoint === endpoint);
    expect(last(tcp)).toMatchObject({ accepted: 1, active: 0, bytesIn: 8, bytesOut: 8, errors: 0 });
    expect(last(udp)).toMatchObject({ datagramsIn: 1, datagramsOut: 1, bytesIn: 8, bytesOut: 8, errors: 0 });
    expect(last(unix)).toMatchObject({ accepted: 1, active: 0, bytesIn: 9, bytesOut: 9, errors: 0 });
    expect(program.events().at(-1)).toMatchObject({ event: "stopped", accepted: 2, datagramsIn: 1 });
    expect(readdirSync(scratch.path)).toEqual([]);
  });

  it("starts every service there is, over every transport that it has", async () => {
    const { stdout } = await portolan(["services", "--json"]);
    const wanted = stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as { readonly name: string; readonly transports: readonly string[] })
      .flatMap(({ name, transports }) => transports.map((transport) => `${name} ${transport}`));
    await using program = start(["up", "--any-port", "--json"]);
    const listening = await program.listening(wanted.length);
    expect(listening.map(({ service, endpoint }) => `${service} ${endpoint.split(":")[0]}`)).toEqual(wanted);
    program.signal("SIGINT");
    expect(await program.end()).toMatchObject({ status: 0, stderr: "" });
  });

  it("has its unix sockets in /tmp where the folder for temporary files has too long a path for them", async () => {
    using scratch = scratchFolder();
    const long = join(scratch.path, "long".repeat(20));
    mkdirSync(long);
    await using program = start([...UP, "--any-port", "--json"], { TMPDIR: long });
    const unix = endpointOf(await program.listening(3), "unix");
    expect(unix).toMatch(/^unix:\/\/\/tmp\/portolan-/);
    expect(await echoOfStream(unix, "over unix")).toBe("over unix");
    program.signal("SIGTERM");
    expect(await program.end()).toMatchObject({ status: 0, stderr: "" });
    expect(existsSync(dirname(unix.slice("unix://".length)))).toBe(false);
  });

  it("takes a design that blocks its thread", async () => {
    await using program = start([...UP, "--any-port", "--json", "--design", "iterative"]);
    const listening = await program.listening(3);
    expect(listening.map(({ design }) => design)).toEqual(Array(3).fill("iterative"));
    expect(await echoOfStream(endpointOf(listening, "tcp"), "hello")).toBe("hello");
    program.signal("SIGINT");
    expect(await program.end()).toMatchObject({ status: 0, stderr: "" });
  });

  it("stops at SIGTERM too", async () => {
    using scratch = scratchFolder();
    await using program = start([...UP, "--any-port", "--json"], { TMPDIR: scratch.path });
    await program.listening(3);
    program.signal("SIGTERM");
    expect(await program.end()).toMatchObject({ status: 0, stderr: "" });
    expect(readdirSync(scratch.path)).toEqual([]);
  });

  it("lets an open connection go on for the grace, and no longer after a second Ctrl-C", async () => {
    using scratch = scratchFolder();
    await using program = start([...UP, "--any-port", "--json", "--grace", "3600"], { TMPDIR: scratch.path });
    const socket = await openConnection(endpointOf(await program.listening(3), "tcp"));
    try {
      program.signal("SIGINT");
      expect(await program.until("stopping", () => program.events("stopping")[0])).toMatchObject({ active: 1 });
      const answer = once(socket, "data");
      socket.write("still there?");
      expect(String(await answer)).toBe("still there?");
      program.signal("SIGINT");
      expect(await program.end()).toMatchObject({ status: 130 });
      expect(readdirSync(scratch.path)).toEqual([]);
    } finally {
      socket.destroy();
    }
  });

  it("ends open connections when the grace is over", async () => {
    await using program = start([...UP, "--any-port", "--json", "--grace", "0"]);
    const socket = await openConnection(endpointOf(await program.listening(3), "tcp"));
    const closed = new Promise((resolve) => socket.once("close", resolve));
    program.signal("SIGINT");
    expect(await program.end()).toMatchObject({ status: 0, stderr: "" });
    await closed;
  });

  it("ends when nobody reads it any more, also while nothing happens", async () => {
    await using program = new Program("sh", [
      "-c",
      `${process.execPath} dist/cli/main.js up --only echo --any-port --json | head -1`,
    ]);
    expect(await program.end()).toMatchObject({ status: 0, stderr: "", stdout: expect.stringMatching(/^\{.*\}\n$/) });
  });

  it.for(["nc", "socat", "portolan"])("gives commands for %s that work when pasted", async (peer, context) => {
    if (peer !== "portolan") needs(context, peer);
    await using program = start([...UP, "--any-port", "--json"]);
    const listening = await program.listening(3);
    const commands = listening.flatMap((event) => event.try.filter((trial) => trial.program === peer));
    expect(commands.map(({ installed }) => installed)).toEqual([true, true, true]);
    for (const { command } of commands) {
      expect(await shell(command), command).toMatchObject({ status: 0, stdout: "hello\n", stderr: "" });
    }
  });

  it("quotes what the shell would take apart", async (context) => {
    needs(context, "socat");
    using scratch = scratchFolder();
    const folder = join(scratch.path, "it's, a: folder");
    mkdirSync(folder);
    await using program = start([...UP, "--any-port", "--json"], { XDG_RUNTIME_DIR: folder });
    const unix = (await program.listening(3)).find(({ endpoint }) => endpoint.startsWith("unix://"));
    for (const { command } of unix?.try ?? []) {
      expect(await shell(command), command).toMatchObject({ status: 0, stdout: "hello\n" });
    }
  });
});

describe("portolan up", () => {
  it("prints endpoints with commands, then a line where something changed", async () => {
    await using program = start([...UP, "--any-port"]);
    await program.until("its last line", () => program.stdout.includes("Ctrl-C stops.\n") || undefined);
    const [, tcp = ""] = /^ {2}(tcp:\/\/127\.0\.0\.1:\d+)$/m.exec(program.stdout) ?? [];
    expect(program.stdout).toMatch(/^ {2}udp:\/\/127\.0\.0\.1:\d+$/m);
    expect(program.stdout).toMatch(/^ {2}unix:\/\/\/.*\/echo-\d+\.sock$/m);
    expect(program.stdout).toContain(`      node dist/cli/main.js call echo ${tcp} --message hello\n`);
    expect(program.stdout).toContain("Listening at 3 endpoints, for this machine only.");
    expect(program.stdout).not.toContain("\x1b");
    expect(await echoOfStream(tcp, "hello\n")).toBe("hello\n");
    program.signal("SIGINT");
    const { status, stdout, stderr } = await program.end();
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    const rest = stdout.slice(stdout.indexOf("Ctrl-C stops.\n")).split("\n").slice(1);
    expect(rest.at(-3)).toBe(`echo ${tcp}: 1 connection (0 open), 6 B in, 6 B out, 0 errors`);
    expect(rest.slice(-2)).toEqual(["stopped", ""]);
  });

  it("puts its unix socket into XDG_RUNTIME_DIR, and replaces one that a dead program left", async () => {
    using scratch = scratchFolder();
    const environment = { XDG_RUNTIME_DIR: scratch.path };
    await using held = await heldPort();
    const args = [...UP, "--json", "--skip-taken", "--port-offset", String(held.port - ECHO_PORT)];
    const unixPath = join(scratch.path, "portolan", `echo-${held.port - ECHO_PORT}.sock`);
    {
      await using killed = start(args, environment);
      expect(endpointOf(await killed.listening(2), "unix")).toBe(`unix://${unixPath}`);
      killed.signal("SIGKILL");
      await killed.end();
    }
    expect(existsSync(unixPath)).toBe(true);
    await using program = start(args, environment);
    expect(await echoOfStream(endpointOf(await program.listening(2), "unix"), "again")).toBe("again");
    program.signal("SIGINT");
    expect(await program.end()).toMatchObject({ status: 0 });
    expect(existsSync(unixPath)).toBe(false);
  });

  it("leaves a file alone that is no socket, and says that it is in the way", async () => {
    using scratch = scratchFolder();
    await using held = await heldPort();
    const offset = String(held.port - ECHO_PORT);
    mkdirSync(join(scratch.path, "portolan"));
    const file = join(scratch.path, "portolan", `echo-${offset}.sock`);
    writeFileSync(file, "precious");
    const args = [...UP, "--json", "--skip-taken", "--port-offset", offset];
    await using program = start(args, { XDG_RUNTIME_DIR: scratch.path });
    await program.listening(1);
    const skipped = await program.until("both skips", () => {
      const events = program.events("skipped");
      return events.length === 2 ? events : undefined;
    });
    expect(skipped[1]).toMatchObject({ endpoint: `unix://${file}`, message: expect.stringContaining("no socket") });
    program.signal("SIGINT");
    await program.end();
    expect(existsSync(file)).toBe(true);
  });

  it("says who holds a port that is taken, and how to go on", async () => {
    await using held = await heldPort();
    const args = [...UP, "--port-offset", String(held.port - ECHO_PORT)];
    const { status, stdout, stderr } = await portolan(args);
    expect({ status, stdout }).toEqual({ status: UNAVAILABLE, stdout: "" });
    expect(stderr).toContain(`EADDRINUSE 127.0.0.1:${held.port}`);
    expect(stderr).toContain(`held by pid ${process.pid} `);
    expect(stderr).toContain("--skip-taken");
    expect(stderr.trimEnd().split("\n")).toHaveLength(1);
  });

  it("goes on without a port that is taken, if asked to", async () => {
    await using held = await heldPort();
    await using program = start([...UP, "--skip-taken", "--port-offset", String(held.port - ECHO_PORT)]);
    await program.until("its last line", () => program.stdout.includes("Listening at 2 endpoints") || undefined);
    expect(program.stderr).toMatch(/EADDRINUSE 127\.0\.0\.1:\d+: .*; going on without it\n$/);
    program.signal("SIGINT");
    expect(await program.end()).toMatchObject({ status: 0 });
  });

  it("serves over IPv6", async () => {
    await using program = start([...UP, "--any-port", "--json", "--host", "::1"]);
    const listening = await program.listening(3);
    const tcp = endpointOf(listening, "tcp");
    expect(tcp).toMatch(/^tcp:\/\/\[::1\]:\d+$/);
    const trial = listening[0]?.try.find((candidate) => candidate.program === "portolan");
    expect(await shell(trial?.command ?? "false")).toMatchObject({ status: 0, stdout: "hello\n" });
  });
});

describe("portolan up on a terminal", () => {
  const command = `stty rows 24 cols 80; exec ${process.execPath} dist/cli/main.js up --only echo --any-port`;

  /** What a terminal shows after this text: enough of ECMA-48 for what `up` writes, which clears after a return. */
  function screen(text: string): string[] {
    const lines = [""];
    let row = 0;
    for (const [, control = "", parameter = "", final = "", plain = ""] of text
      .replaceAll(/\r+\n/g, "\n")
      // biome-ignore lint/suspicious/noControlCharactersInRegex: a terminal is told what to do by them.
      .matchAll(/(\x1b\[(\d*)([A-Za-z]))|([^\x1b])/gs)) {
      if (control === "") {
        if (plain === "\n") row += 1;
        else if (plain === "\r") lines[row] = "";
        else lines[row] = `${lines[row] ?? ""}${plain}`;
        lines[row] ??= "";
      } else if (final === "F") {
        row -= Number(parameter);
      } else if (final === "J") {
        lines.length = row;
        lines.push("");
      }
    }
    return lines;
  }

  it.for([
    { environment: {}, isColoured: true },
    { environment: { NO_COLOR: "1" }, isColoured: false },
  ])("draws counters in place, within its width: $environment", async ({ environment, isColoured }, context) => {
    needs(context, "script");
    await using program = new Program("script", ["-qec", command, "/dev/null"], { TERM: "xterm", ...environment });
    const shown = (line: RegExp): string | undefined =>
      screen(program.stdout).find((candidate) => line.test(candidate));
    await program.until("titles", () => shown(/^SERVICE +ENDPOINT +OPEN +SERVED +IN +OUT +ERRORS$/));
    const endpoint = shown(/^ {2}tcp:/)?.trim() ?? "";
    expect(await echoOfStream(endpoint, "x".repeat(3000))).toHaveLength(3000);
    await program.until("counters", () => shown(/^echo +tcp:\S+ +0 +1 +2\.9 KiB +2\.9 KiB +0$/));
    program.write("\x03");
    expect(await program.end()).toMatchObject({ status: 0 });
    const lines = screen(program.stdout);
    expect(lines.filter((line) => line.startsWith("SERVICE"))).toHaveLength(1);
    expect(lines.filter((line) => line.length > 80 && !/^ {6}/.test(line))).toEqual([]);
    expect(lines).toContain("Stopped.");
    // biome-ignore lint/suspicious/noControlCharactersInRegex: colours are made of them.
    expect(/\x1b\[\d+m/.test(program.stdout)).toBe(isColoured);
  });
});
