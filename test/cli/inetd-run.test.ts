/** `portolan inetd --config`: the super-server as somebody meets it at a terminal. */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { userInfo } from "node:os";
import { join } from "node:path";
import { connect, listen } from "portolan";
import { closeThreadReactor } from "portolan/reactor";
import { afterAll, describe, expect, it } from "vitest";
import { ask, PATIENCE_MS } from "../support/inetd-kit.ts";
import { needsProgram } from "../support/programs.ts";
import { until } from "../support/until.ts";
import { Program, portolan, root, scratchFolder, start } from "./portolan.ts";

afterAll(() => closeThreadReactor());

const user = userInfo().username;

/** Ports that were free a moment ago. */
async function freePorts(count: number): Promise<number[]> {
  const sockets = await Promise.all(Array.from({ length: count }, () => listen("tcp://127.0.0.1:0")));
  const ports = sockets.map(({ localAddress }) => (localAddress.family === "inet" ? localAddress.port : 0));
  for (const socket of sockets) socket.close();
  return ports;
}

/** An inetd.conf with a service of cat's at a unix socket, and more lines. */
function classic(folder: string, ...more: string[]): string {
  return [`${folder}/cat.sock stream unix nowait ${user} /bin/cat cat`, ...more, ""].join("\n");
}

describe("a configuration is served", () => {
  it("the one that comes with the package: a table, then a log in xinetd's form, and a clean end", async () => {
    using folder = scratchFolder();
    const ports = await freePorts(3);
    const shipped = readFileSync(join(root, "share/xinetd.conf"), "utf8");
    const [echo, upper, relay] = ports;
    const text = shipped
      .replaceAll("7007", String(echo))
      .replaceAll("7100", String(upper))
      .replaceAll("7101", String(relay));
    const path = join(folder.path, "xinetd.conf");
    writeFileSync(path, text);
    await using program = start(["inetd", "--config", path]);
    await program.until("the table", () => (program.stdout.includes("redirect to") ? true : undefined));
    expect(program.stdout).toMatch(/^SERVICE +LISTENS AT +STATE +NOW\/MOST +ANSWERS\n/);
    expect(await ask(`tcp://127.0.0.1:${echo}`, "hello\n")).toBe("hello\n");
    expect(await ask(`tcp://127.0.0.1:${upper}`, "hello\n")).toBe("HELLO\n");
    expect(await ask(`tcp://127.0.0.1:${relay}`, "hello\n")).toBe("hello\n");
    const exit = /^\d\d\/\d+\/\d+@\d\d:\d\d:\d\d: EXIT: upper status=0 pid=\d+ duration=\d+\(sec\)$/m;
    await program.until("a record", () => (exit.test(program.stdout) ? true : undefined));
    expect(program.stdout).toMatch(/: START: upper pid=\d+ from=127\.0\.0\.1$/m);
    program.signal("SIGINT");
    const { status, stdout } = await program.end();
    expect(status).toBe(0);
    expect(stdout).toMatch(/\nstopped\n$/);
  });

  it("as JSON, with a number to reload it by; a reload keeps what stays, and a bad one changes nothing", async () => {
    using folder = scratchFolder();
    const [path, pidFile] = [join(folder.path, "inetd.conf"), join(folder.path, "pid")];
    writeFileSync(path, classic(folder.path));
    await using program = start(["inetd", "--config", path, "--json", "--pid-file", pidFile]);
    const [{ endpoint = "" } = {}] = await program.listening(1);
    expect(await ask(endpoint, "hello\n")).toBe("hello\n");
    await program.until("the number", () => (existsSync(pidFile) ? true : undefined));
    expect(Number(readFileSync(pidFile, "utf8"))).toBe(program.pid);

    writeFileSync(
      path,
      classic(folder.path, `${folder.path}/tr.sock stream unix nowait ${user} /usr/bin/tr tr a-z A-Z`),
    );
    expect((await portolan(["inetd", "reload", "--pid-file", pidFile])).status).toBe(0);
    const [reloaded] = await program.until("the reload", () => {
      const events = program.events("reloaded");
      return events.length > 0 ? events : undefined;
    });
    expect(reloaded?.kept).toHaveLength(1);
    expect(reloaded?.added).toHaveLength(1);
    expect(await ask(`unix://${folder.path}/tr.sock`, "hello\n")).toBe("HELLO\n");

    writeFileSync(path, "rubbish\n");
    program.signal("SIGHUP");
    await program.until("the refusal", () => (program.events("trouble").length > 0 ? true : undefined));
    expect(program.events("problem")).toMatchObject([{ line: 1, severity: "error" }]);
    expect(await ask(`unix://${folder.path}/tr.sock`, "hello\n")).toBe("HELLO\n");

    program.signal("SIGUSR2");
    await program.listening(3);
    program.signal("SIGTERM");
    expect((await program.end()).status).toBe(0);
    expect(program.events("stopped")).toHaveLength(1);
    expect([pidFile, `${folder.path}/tr.sock`].map((file) => existsSync(file))).toEqual([false, false]);
  });
});

it("goes on to let a program finish, whichever signals come meanwhile", async () => {
  using folder = scratchFolder();
  const path = join(folder.path, "inetd.conf");
  writeFileSync(path, classic(folder.path));
  await using program = start(["inetd", "--config", path, "--json", "--grace", "60"]);
  const [{ endpoint = "" } = {}] = await program.listening(1);
  using client = await connect(endpoint, { timeoutMs: PATIENCE_MS });
  await client.sendAll("one\n");
  expect(String(await client.readUntil("\n", { timeoutMs: PATIENCE_MS }))).toBe("one\n");
  program.signal("SIGTERM");
  await until(() => !existsSync(`${folder.path}/cat.sock`));
  program.signal("SIGHUP");
  program.signal("SIGUSR2");
  await client.sendAll("two\n");
  expect(String(await client.readUntil("\n", { timeoutMs: PATIENCE_MS }))).toBe("two\n");
  client.close();
  expect(await program.end()).toMatchObject({ status: 0, stderr: "" });
  expect(program.events("stopped")).toHaveLength(1);
});

/** Binds two sockets, and becomes the command of its arguments, which has them as systemd hands them over. */
const ACTIVATOR = `
import fcntl, os, socket, sys
stream = socket.create_server(("127.0.0.1", 0))
datagrams = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
datagrams.bind(("127.0.0.1", 0))
# Out of the way first: either may have the number that the other is to get.
copies = [fcntl.fcntl(s.fileno(), fcntl.F_DUPFD, 10) for s in (stream, datagrams)]
for target, copy in enumerate(copies, 3):
    os.dup2(copy, target)
    os.close(copy)
os.environ.update(LISTEN_FDS="2", LISTEN_FDNAMES="web:letters", LISTEN_PID=str(os.getpid()))
os.execv(sys.argv[1], sys.argv[1:])
`;

it("sockets that it was started with are served by their names", async (context) => {
  needsProgram(context, "python3", ["--version"]);
  using folder = scratchFolder();
  const path = join(folder.path, "inetd.yaml");
  const services = {
    letters: { socket: "letters", type: "dgram", program: "/usr/bin/tr", arguments: ["a-z", "A-Z"] },
    web: { socket: "web", program: "/bin/cat" },
  };
  writeFileSync(path, JSON.stringify({ services }));
  const command = [process.execPath, join(root, "dist/cli/main.js"), "inetd", "--config", path, "--json"];
  await using program = new Program("python3", ["-c", ACTIVATOR, ...command]);
  const [letters, web] = await program.listening(2);
  expect(await ask(web?.endpoint ?? "", "hello\n")).toBe("hello\n");
  using socket = await connect(letters?.endpoint ?? "");
  await socket.send("hello");
  expect((await socket.recv(100, { timeoutMs: PATIENCE_MS })).toString()).toBe("HELLO");
  program.signal("SIGTERM");
  expect((await program.end()).status).toBe(0);
});

describe("while nothing listens, it goes on", () => {
  /** One service, so that there is nothing else that could keep the process alive. */
  function alone(folder: string, service: object): string {
    const path = join(folder, "inetd.yaml");
    writeFileSync(path, JSON.stringify({ services: { alone: { listen: `unix://${folder}/alone.sock`, ...service } } }));
    return path;
  }

  async function rested(program: Program, folder: string): Promise<void> {
    await program.until("the rest", () => program.events("rest")[0]);
    // Who comes meanwhile is served after it.
    await program.until("the end of the rest", () => program.events("note")[0]);
    expect(await ask(`unix://${folder}/alone.sock`, "again\n")).toBe("again\n");
    program.signal("SIGTERM");
    expect((await program.end()).status).toBe(0);
  }

  it("through the rest of its only service, after more in a second than may come", async () => {
    using folder = scratchFolder();
    // One may have come to the rest, and is the first after it.
    const limits = { connectionsPerSecond: 2, restSeconds: 1 };
    const path = alone(folder.path, { program: "/bin/cat", limits });
    await using program = start(["inetd", "--config", path, "--json"]);
    await program.listening(1);
    while (program.events("rest").length === 0) await ask(`unix://${folder.path}/alone.sock`).catch(() => {});
    await rested(program, folder.path);
  });

  it("through the rest of its only service, whose program has the socket and crashes", async (context) => {
    needsProgram(context, "python3", ["--version"]);
    using folder = scratchFolder();
    const script = `import os, socket
mark = ${JSON.stringify(join(folder.path, "crashed"))}
if not os.path.exists(mark):
    open(mark, "w")
    os._exit(3)
c, _ = socket.socket(fileno=0).accept()
while data := c.recv(100):
    c.sendall(data)
`;
    const program = { program: "/usr/bin/env", arguments: ["python3", "-c", script], wait: true };
    const path = alone(folder.path, { ...program, limits: { failures: 1, restSeconds: 1 } });
    await using running = start(["inetd", "--config", path, "--json"]);
    await running.listening(1);
    const first = ask(`unix://${folder.path}/alone.sock`, "waits\n");
    await running.until("the rest", () => running.events("rest")[0]);
    expect(await first).toBe("waits\n");
    await running.until("the program's end", () => running.events("exit")[1]);
    await rested(running, folder.path);
  });
});

it("by the API, a super-server keeps Node alive until it is stopped, unless it was unreferenced", async () => {
  const script = (then: string): string[] => [
    "--input-type=module",
    "--eval",
    `import { startInetd, parseConfig } from "portolan/inetd";
     const { config } = parseConfig('{"services": {"a": {"listen": "tcp://127.0.0.1:0", "builtin": "echo"}}}', "x.json");
     const inetd = await startInetd(config);
     ${then}
     console.log(JSON.stringify({ event: "up" }));`,
  ];
  await using held = new Program(process.execPath, script('process.once("SIGTERM", () => inetd.stop());'));
  await using released = new Program(process.execPath, script("inetd.unref();"));
  expect((await released.end()).status).toBe(0);
  await held.until("its start", () => held.events("up")[0]);
  held.signal("SIGTERM");
  expect((await held.end()).status).toBe(0);
});

describe("what cannot be is told", () => {
  it("no configuration, one that is not there, one with nothing to serve", async () => {
    using folder = scratchFolder();
    const none = await portolan(["inetd"]);
    expect([none.status, none.stderr]).toEqual([64, expect.stringContaining("--config FILE")]);
    const missing = await portolan(["inetd", "--config", join(folder.path, "missing")]);
    expect([missing.status, missing.stderr]).toEqual([66, expect.stringContaining("ENOENT")]);
    const path = join(folder.path, "inetd.conf");
    writeFileSync(path, `${folder.path}/x.sock stream unix nowait ${user} /proc/nonexistent/program program\n`);
    const nothing = await portolan(["inetd", "--config", path]);
    expect(nothing.status).toBe(78);
    expect(nothing.stderr).toMatch(/inetd\.conf:1: error: .*there is no program \/proc\/nonexistent\/program/);
    expect(nothing.stderr).toContain("there is no service to serve: 1 error");
  });

  it("a number of no process", async () => {
    using folder = scratchFolder();
    const path = join(folder.path, "pid");
    const reload = (): ReturnType<typeof portolan> => portolan(["inetd", "reload", "--pid-file", path]);
    expect(await reload()).toMatchObject({ status: 66, stderr: expect.stringContaining("ENOENT") });
    writeFileSync(path, "0\n");
    expect(await reload()).toMatchObject({ status: 65, stderr: expect.stringContaining("no process's number") });
    writeFileSync(path, "999999999\n");
    expect(await reload()).toMatchObject({ status: 69, stderr: expect.stringContaining("does not run") });
  });
});
