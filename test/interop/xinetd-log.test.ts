/** What is logged of the same connections by xinetd and by the command, each started with the same xinetd.conf. */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir, userInfo } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { connect, listen } from "portolan";
import { closeThreadReactor } from "portolan/reactor";
import { afterAll, beforeAll, expect, it } from "vitest";
import { Program, start } from "../cli/portolan.ts";
import { ask, PATIENCE_MS, readAll } from "../support/inetd-kit.ts";
import { needsProgram } from "../support/programs.ts";
import { until } from "../support/until.ts";

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "portolan-log-"));
});
afterAll(() => {
  closeThreadReactor();
  rmSync(folder, { recursive: true, force: true });
});

const SERVICES = ["good", "denied", "killed", "target", "relay", "waiting", "fast"] as const;
type Ports = Readonly<Record<(typeof SERVICES)[number], number>>;

/** Ports that were free a moment ago. */
async function freePorts(): Promise<Ports> {
  const sockets = await Promise.all(SERVICES.map(() => listen("tcp://127.0.0.1:0")));
  const ports = sockets.map(({ localAddress }) => (localAddress.family === "inet" ? localAddress.port : 0));
  for (const socket of sockets) socket.close();
  return Object.fromEntries(SERVICES.map((name, index) => [name, ports[index]])) as Ports;
}

const KILLED = "#!/bin/sh\nkill -9 $$\n";
/** Has the listening socket, and serves one. */
const WAITING = `#!/usr/bin/env python3
import socket
c, _ = socket.socket(fileno=0).accept()
c.sendall(b"served")
`;

function script(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text, { mode: 0o755 });
  return path;
}

function configuration(log: string, ports: Ports): string {
  const own: Readonly<Record<keyof Ports, readonly string[]>> = {
    good: ["server = /bin/cat"],
    denied: ["server = /bin/cat", "no_access = 127.0.0.1"],
    killed: [`server = ${script("killed", KILLED)}`],
    target: ["server = /bin/cat"],
    relay: [`redirect = 127.0.0.1 ${ports.target}`, "log_on_success += TRAFFIC"],
    waiting: [`server = ${script("waiting", WAITING)}`],
    fast: ["server = /bin/cat", "cps = 1 60"],
  };
  const stanzas = SERVICES.map((name) => {
    const wait = name === "waiting" ? "yes" : "no";
    const lines = [`port = ${ports[name]}`, `wait = ${wait}`, `user = ${userInfo().username}`, ...own[name]];
    return `service ${name}\n{\n type = UNLISTED\n socket_type = stream\n protocol = tcp\n ${lines.join("\n ")}\n}\n`;
  });
  const defaults = ["bind = 127.0.0.1", `log_type = FILE ${log}`, "log_on_success = PID HOST EXIT DURATION"];
  return `defaults\n{\n ${defaults.join("\n ")}\n log_on_failure = HOST\n}\n${stanzas.join("")}`;
}

/** Lines of a log without times and numbers, of what both log alike. */
function linesOf(log: string): string[] {
  const lines = existsSync(log) ? readFileSync(log, "utf8").split("\n") : [];
  // xinetd also has START and EXIT of who is denied, and of a redirection, for both are a process of its own there.
  const alike = / (START|EXIT): (good|killed|waiting) | FAIL: | TRAFFIC: /;
  return lines
    .filter((line) => alike.test(line))
    .map((line) =>
      line
        .replace(/^\d\d\/\d{1,2}\/\d{1,2}@\d\d:\d\d:\d\d: /, "STAMP: ")
        .replace(/pid=\d+/, "pid=N")
        .replace(/duration=\d+/, "duration=N"),
    );
}

async function isUp(endpoint: string): Promise<boolean> {
  const socket = await connect(endpoint).catch(() => undefined);
  socket?.close();
  if (socket === undefined) await delay(20);
  return socket !== undefined;
}

/** Connections of every kind, once the services are there. @returns the lines about them, sorted. */
async function logOf(log: string, ports: Ports): Promise<string[]> {
  const at = (name: keyof Ports): string => `tcp://127.0.0.1:${ports[name]}`;
  const count = (what: string): number => linesOf(log).filter((line) => line.includes(what)).length;
  const deadlineMs = performance.now() + PATIENCE_MS;
  while (!(await isUp(at("denied")))) {
    if (performance.now() > deadlineMs) throw new Error("nobody listens");
  }
  await until(() => count("FAIL: denied") > 0, PATIENCE_MS);
  expect(await ask(at("good"), "hello\n")).toBe("hello\n");
  await ask(at("killed"));
  {
    using relayed = await connect(at("relay"), { timeoutMs: PATIENCE_MS });
    await relayed.sendAll("hello\n");
    expect((await relayed.recv(100, { timeoutMs: PATIENCE_MS })).toString()).toBe("hello\n");
  }
  {
    using served = await connect(at("waiting"), { timeoutMs: PATIENCE_MS });
    expect(await readAll(served)).toBe("served");
  }
  const isFull = (): boolean => count("FAIL: fast") > 0;
  for (let asked = 1; !isFull(); asked++) {
    await ask(at("fast")).catch(() => {});
    const starts = (): number => readFileSync(log, "utf8").split(" START: fast ").length - 1;
    await until(() => isFull() || starts() >= asked, PATIENCE_MS);
  }
  await until(() => ["EXIT: good", "EXIT: killed", "EXIT: waiting", "TRAFFIC: relay"].every(count), PATIENCE_MS);
  return [...new Set(linesOf(log))].sort();
}

it("is the same, but for times and numbers", async (context) => {
  needsProgram(context, "xinetd", ["-version"]);
  needsProgram(context, "python3", ["--version"]);
  const run = async (name: string, begin: (path: string) => Program): Promise<string[]> => {
    const [log, path, ports] = [join(folder, `${name}.log`), join(folder, `${name}.conf`), await freePorts()];
    writeFileSync(path, configuration(log, ports));
    await using _ = begin(path);
    return await logOf(log, ports);
  };
  const theirs = await run("theirs", (path) => {
    return new Program("xinetd", ["-dontfork", "-f", path, "-pidfile", join(folder, "xinetd.pid")]);
  });
  expect(theirs).toContain("STAMP: FAIL: fast connections per second from=127.0.0.1");
  expect(theirs).toContain("STAMP: TRAFFIC: relay in=6(bytes) out=6(bytes)");
  expect(await run("ours", (path) => start(["inetd", "--config", path]))).toEqual(theirs);
});
