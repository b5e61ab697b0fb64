/** `portolan reload`: another process takes over, and no client notices. Clients are Node's own sockets. */
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { connect } from "portolan";
import { closeThreadReactor } from "portolan/reactor";
import { afterAll, describe, expect, it } from "vitest";
import { inodesAt, socketsOf } from "../support/processes.ts";
import { until } from "../support/until.ts";
import { echoOfStream, openConnection } from "./echoes.ts";
import { type Listening, Program, portolan, root, scratchFolder, start } from "./portolan.ts";

const UNAVAILABLE = 69;
const CLIENTS = 3;

afterAll(() => closeThreadReactor());

/** The last process of a row of them ends; with it the program has. */
async function stopLast(program: Program): Promise<void> {
  const last = (program.events("listening") as unknown as Listening[]).at(-1);
  process.kill(last?.pid ?? program.pid, "SIGTERM");
  expect(await program.end()).toMatchObject({ stderr: "" });
}

/** Inodes of the sockets at an endpoint that have no peer. */
function listenersAt(table: "tcp" | "udp", endpoint: string): string[] {
  return inodesAt(table, Number(endpoint.split(":")[2]), 0);
}

/** Inodes of the unix sockets of a path that listen: those that are accepted have it too, and another state. */
function boundTo(path: string): string[] {
  return readFileSync("/proc/net/unix", "utf8")
    .split("\n")
    .map((line) => line.split(/\s+/))
    .filter((fields) => fields[7] === path && fields[5] === "01")
    .map((fields) => fields[6] as string);
}

interface Load {
  readonly answered: number;
  readonly failures: readonly string[];
}

/** Clients that connect, ask and end, again and again, until told to stop; and one that sends datagrams. */
function load(tcp: string, udp: string): { answers(): number; stop(): Promise<Load> } {
  let isStopping = false;
  let answered = 0;
  const failures: string[] = [];
  const stream = async (): Promise<void> => {
    while (!isStopping) {
      const text = `request ${answered}`;
      const answer = await echoOfStream(tcp, text).catch((error: Error) => error.message);
      if (answer === text) answered++;
      else failures.push(answer);
    }
  };
  const datagrams = async (): Promise<void> => {
    const socket = createSocket("udp4");
    const port = Number(udp.split(":")[2]);
    for (let number = 0; !isStopping; number++) {
      const heard = once(socket, "message", { signal: AbortSignal.timeout(5000) });
      socket.send(`datagram ${number}`, port, "127.0.0.1");
      const answer = await heard.then(([bytes]) => String(bytes)).catch((error: Error) => error.message);
      if (answer === `datagram ${number}`) answered++;
      else failures.push(`${number}: ${answer}`);
    }
    socket.close();
  };
  const all = Promise.all([datagrams(), ...Array.from({ length: CLIENTS }, stream)]);
  return {
    answers: () => answered,
    async stop() {
      isStopping = true;
      await all;
      return { answered, failures };
    },
  };
}

describe("portolan reload", () => {
  it.each([
    ["epoll", [], 3],
    ["uring", [], 1],
    ["epoll", ["--in-node"], 1],
    ["uring", ["--workers", "2"], 1],
    ["pool", [], 1],
    ["prefork", ["--workers", "2"], 1],
    ["thread", [], 1],
  ] as const)("drops no request under load: %s %j, %i in a row", async (design, args, rounds) => {
    const listen = ["--listen", "tcp://127.0.0.1:0", "--listen", "udp://127.0.0.1:0"];
    await using program = start(["serve", "echo", "--design", design, ...args, ...listen, "--grace", "30", "--json"]);
    const [tcp, udp] = (await program.listening(2)).map(({ endpoint }) => endpoint) as [string, string];
    const before = [...listenersAt("tcp", tcp), ...listenersAt("udp", udp)];
    const clients = load(tcp, udp);
    let pid = program.pid;
    for (let round = 1; round <= rounds; round++) {
      const at = clients.answers();
      await until(() => clients.answers() > at);
      process.kill(pid, "SIGHUP");
      pid = await program.until("the new one", () => program.events("stopping")[round - 1]?.successor as number);
      await program.until("the old one's end", () => program.events("stopped")[round - 1]);
      expect([...listenersAt("tcp", tcp), ...listenersAt("udp", udp)]).toEqual(before);
      expect(socketsOf(pid)).toEqual(expect.arrayContaining(before));
    }
    const { answered, failures } = await clients.stop();
    expect(failures).toEqual([]);
    expect(answered).toBeGreaterThan(0);
    await stopLast(program);
  });

  it("leaves a unix socket's file, and lets an open connection go on in the old process", async () => {
    using scratch = scratchFolder();
    const listen = `unix://${scratch.path}/echo.sock`;
    await using program = start(["serve", "echo", "--listen", listen, "--grace", "30", "--json"]);
    await program.listening(1);
    const { ino } = statSync(join(scratch.path, "echo.sock"));
    const open = await openConnection(listen);
    program.signal("SIGHUP");
    const [, successor] = await program.listening(2);
    await program.until("the hand-over", () => program.events("stopping")[0]);
    expect(statSync(join(scratch.path, "echo.sock")).ino).toBe(ino);
    // It says so before it does: until then it might take the next client too.
    const listener = boundTo(`${scratch.path}/echo.sock`);
    expect(listener).toHaveLength(1);
    await until(() => !socketsOf(program.pid).includes(listener[0] as string));
    expect(await echoOfStream(listen, "to the new one")).toBe("to the new one");
    open.write("to the old one");
    expect(String((await once(open, "data"))[0])).toBe("to the old one");
    open.end();
    expect(await program.until("the old one's end", () => program.events("stopped")[0])).toMatchObject({
      pid: program.pid,
      accepted: 1,
      aborted: 0,
    });
    expect(successor?.pid).not.toBe(program.pid);
    await stopLast(program);
    expect(readdirSync(scratch.path)).toEqual([]);
  });

  it("ends what is still open in the old process when the grace is over", async () => {
    await using program = start(["serve", "echo", "--listen", "tcp://127.0.0.1:0", "--grace", "0", "--json"]);
    const [listening] = await program.listening(1);
    const open = await openConnection(listening?.endpoint ?? "");
    const closed = new Promise((resolve) => open.once("close", resolve));
    program.signal("SIGHUP");
    await closed;
    expect(await echoOfStream(listening?.endpoint ?? "", "hello")).toBe("hello");
    await program.listening(2);
    await stopLast(program);
  });

  it("goes on, and says why, where the new process cannot start", async () => {
    using scratch = scratchFolder();
    const main = join(scratch.path, "main.mjs");
    const good = `await import(${JSON.stringify(pathToFileURL(join(root, "dist/cli/main.js")).href)});`;
    writeFileSync(main, good);
    const listen = `unix://${scratch.path}/echo.sock`;
    await using program = new Program(process.execPath, [main, "serve", "echo", "--listen", listen, "--json"]);
    await program.listening(1);
    writeFileSync(main, "process.exit(7);");
    const { status, stderr } = await portolan(["reload", String(program.pid)]);
    expect(status).toBe(UNAVAILABLE);
    expect(stderr).toBe(
      `portolan reload: process ${program.pid} has not reloaded, and goes on: the new process has ended with status 7 before it served\n`,
    );
    expect(program.events("reload failed")).toMatchObject([{ message: expect.stringContaining("status 7") }]);
    expect(await echoOfStream(listen, "still here")).toBe("still here");
    writeFileSync(main, good);
    const reloaded = await portolan(["reload", String(program.pid), "--json"]);
    expect(reloaded).toMatchObject({ status: 0, stderr: "" });
    expect(JSON.parse(reloaded.stdout)).toMatchObject({
      predecessor: program.pid,
      pid: program.events("stopping")[0]?.successor,
    });
    expect(await echoOfStream(listen, "renewed")).toBe("renewed");
    await stopLast(program);
  });

  it("takes the folder and the names of up along", async () => {
    using scratch = scratchFolder();
    const args = ["up", "--only", "echo", "--any-port", "--json"];
    await using program = start(args, { TMPDIR: scratch.path });
    const first = await program.listening(3);
    program.signal("SIGHUP");
    const all = await program.listening(6);
    expect(all.slice(3).map(({ endpoint }) => endpoint)).toEqual(first.map(({ endpoint }) => endpoint));
    await program.until("the old one's end", () => program.events("stopped")[0]);
    const unix = first.find(({ endpoint }) => endpoint.startsWith("unix:"))?.endpoint ?? "";
    expect(await echoOfStream(unix, "hello")).toBe("hello");
    await stopLast(program);
    expect(readdirSync(scratch.path)).toEqual([]);
  });

  it("says that there is no such server", async () => {
    const { status, stderr } = await portolan(["reload", String(process.pid)]);
    expect(status).toBe(UNAVAILABLE);
    expect(stderr).toContain(`no portolan serve or up has process id ${process.pid} here; `);
  });

  it("is nobody else's to ask: what says another word is not obeyed", async () => {
    await using program = start(["serve", "echo", "--listen", "tcp://127.0.0.1:0", "--json"]);
    await program.listening(1);
    using client = await connect(`unix://@portolan-control-${program.pid}`);
    await client.sendAll("restart\n");
    // It is closed, unanswered.
    expect(await client.readUntil("\n").catch(() => undefined)).toBeUndefined();
    expect(program.events("reloading")).toEqual([]);
    program.signal("SIGTERM");
    await program.end();
  });
});
