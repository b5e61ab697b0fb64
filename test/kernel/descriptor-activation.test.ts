/** LISTEN_FDS in both roles: ours against ours, ours against systemd's, and Python as the activated program. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, openSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { activatedSockets, connect, listen, Socket, type SpawnActivatedOptions, spawnActivated } from "portolan";
import { AF_INET } from "portolan/abi";
import { closeThreadReactor } from "portolan/reactor";
import { afterAll, describe, expect, it } from "vitest";
import { needsProgram, outputOf, wantsProgram } from "../support/programs.ts";
import { failureOf } from "../support/socket-pairs.ts";
import { until } from "../support/until.ts";

afterAll(closeThreadReactor);

const fixture = fileURLToPath(new URL("../fixtures/descriptors/activated.mjs", import.meta.url));
const modules = ["socket", "reactor"].map((room) => new URL(`../../dist/${room}/index.js`, import.meta.url).href);
const command = [fixture, ...modules];

interface Report {
  readonly pid: number;
  readonly report: { name: string; fd: number; state?: string; family?: number }[];
  readonly left: string[];
  readonly again: number;
}

const portOf = (listener: Socket): number => (listener.localAddress as { port: number }).port;

async function answerOf(port: number): Promise<string> {
  using client = await connect(`tcp://127.0.0.1:${port}`, { timeoutMs: 30_000 });
  return String(await client.readUntil("\n", { timeoutMs: 30_000 }));
}

function activate(sockets: readonly (Socket | number)[], options: SpawnActivatedOptions = {}): ChildProcess {
  return spawnActivated(process.execPath, command, sockets, { stdio: ["ignore", "pipe", "pipe"], ...options });
}

/** The activated program under an environment of our own making. */
function underEnvironment(script: string, sockets: readonly Socket[] = []): Promise<string> {
  const child = spawn("sh", ["-c", script, process.execPath, ...command], {
    stdio: ["ignore", "pipe", "pipe", ...sockets.map(({ fd }) => fd)],
  });
  return outputOf(child);
}

describe("spawnActivated and activatedSockets", () => {
  it("hand over listeners with their names; the variables are gone afterwards", async () => {
    using web = await listen("tcp://127.0.0.1:0");
    using other = await listen("tcp://127.0.0.1:0");
    const child = activate([web, other], { names: ["web", "other"] });
    const ended = outputOf(child);
    expect(await answerOf(portOf(web))).toBe("served by web\n");
    expect(await answerOf(portOf(other))).toBe("served by other\n");
    const { pid, report, left, again } = JSON.parse(await ended) as Report;
    expect(report).toEqual([
      { name: "web", fd: 3, state: "listening", family: AF_INET },
      { name: "other", fd: 4, state: "listening", family: AF_INET },
    ]);
    expect([pid, left, again]).toEqual([child.pid, [], 0]);
  });

  it("hand over more than a dozen, without names, and what is no socket", async () => {
    const sockets = Array.from({ length: 14 }, () => new Socket("unix", "dgram"));
    const file = openSync("/dev/null", "r");
    const child = activate([...sockets, file]);
    closeSync(file);
    for (const socket of sockets) socket.close();
    const { report } = JSON.parse(await outputOf(child)) as Report;
    expect(report.length).toBe(15);
    expect(report[13]).toMatchObject({ name: "unknown", fd: 16, state: "unbound" });
    expect(report[14]).toEqual({ name: "unknown", fd: 17 });
  });

  it("pass arguments as they are: no shell reads them", async (context) => {
    needsProgram(context, "python3", ["-c", "1"]);
    using listener = await listen("tcp://127.0.0.1:0");
    const args = ["a b", "$HOME", "`id`", "'; exit 3 #", "-c", "", "*"];
    const program = `
import json, os, socket, sys
assert int(os.environ["LISTEN_PID"]) == os.getpid(), "LISTEN_PID is somebody else's"
listener = socket.socket(fileno=3)
print(json.dumps([sys.argv[1:], os.environ["LISTEN_FDS"], os.environ["LISTEN_FDNAMES"], listener.getsockname()[1]]))
`;
    const stdio = ["ignore", "pipe", "pipe"] as const;
    const child = spawnActivated("python3", ["-c", program, ...args], [listener], { names: ["one name"], stdio });
    expect(JSON.parse(await outputOf(child))).toEqual([args, "1", "one name", portOf(listener)]);
  });

  it("refuse names that cannot be, and report a program that is not there", async () => {
    const call = (names: string[]) => failureOf(() => spawnActivated("true", [], [0], { names }));
    expect((await call([])).message).toBe("there are 0 names for 1 sockets");
    expect((await call(["a:b"])).message).toContain('"a:b" cannot be a name in LISTEN_FDNAMES');
    expect((await call(["a\nb"])).name).toBe("TypeError");
    expect((await call(["x".repeat(256)])).name).toBe("TypeError");
    const child = spawnActivated("/proc/nonexistent/program", [], [], { stdio: ["ignore", "ignore", "ignore"] });
    expect(await once(child, "exit")).toEqual([127, null]);
  });
});

describe("activatedSockets", () => {
  it("takes nothing that is meant for another process, or where nothing is said", async () => {
    using listener = await listen("tcp://127.0.0.1:0");
    const nothing = { report: [], left: [] };
    const other = await underEnvironment('LISTEN_PID=1 LISTEN_FDS=1 exec "$0" "$@"', [listener]);
    expect(JSON.parse(other)).toMatchObject(nothing);
    expect(JSON.parse(await underEnvironment('LISTEN_FDS=1 exec "$0" "$@"', [listener]))).toMatchObject(nothing);
    expect(JSON.parse(await underEnvironment('exec "$0" "$@"'))).toMatchObject(nothing);
    expect(activatedSockets()).toEqual([]);
  });

  it("says what is wrong with variables that make no sense", async () => {
    using listener = await listen("tcp://127.0.0.1:0");
    const table = [
      ["LISTEN_FDS=x", 'LISTEN_FDS is "x"; it ought to be a whole number'],
      ["LISTEN_FDS=-1", 'LISTEN_FDS is "-1"'],
      ["LISTEN_FDS=99999", "1024 at most"],
      ["LISTEN_FDS=1 LISTEN_FDNAMES=a:b", "LISTEN_FDNAMES has 2 names for the 1 descriptors of LISTEN_FDS"],
      ["LISTEN_FDS=200", "fcntl EBADF descriptor"],
    ];
    for (const [variables, message] of table) {
      const script = `export LISTEN_PID=$$ ${variables}; exec "$0" "$@"`;
      expect(JSON.parse(await underEnvironment(script, [listener])).message).toContain(message);
    }
  });
});

describe("systemd-socket-activate", () => {
  it("activates us", async (context) => {
    wantsProgram(context, "systemd-socket-activate", ["--version"]);
    // It cannot tell which port the kernel chose, so one is chosen here; nobody else is given it while we have it.
    using held = new Socket("inet", "stream");
    held.reuseAddress = true;
    held.bind("tcp://127.0.0.1:0");
    const port = portOf(held);
    const child = spawn(
      "systemd-socket-activate",
      ["--listen", `127.0.0.1:${port}`, "--fdname", "unit", process.execPath, ...command],
      { stdio: ["ignore", "pipe", "pipe"] },
    );
    const ended = outputOf(child);
    let isListening = false;
    child.stderr.on("data", (chunk: Buffer) => {
      isListening ||= chunk.includes("Listening on");
    });
    await until(() => isListening);
    expect(await answerOf(port)).toBe("served by unit\n");
    const { report, left } = JSON.parse(await ended) as Report;
    expect([report, left]).toEqual([[{ name: "unit", fd: 3, state: "listening", family: AF_INET }], []]);
  });
});
