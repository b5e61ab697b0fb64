/** `portolan inetd --config`: the super-server as somebody meets it at a terminal. */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { userInfo } from "node:os";
import { join } from "node:path";
import { listen } from "portolan";
import { closeThreadReactor } from "portolan/reactor";
import { afterAll, describe, expect, it } from "vitest";
import { ask } from "../support/inetd-kit.ts";
import { portolan, root, scratchFolder, start } from "./portolan.ts";

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

describe("what cannot be is told", () => {
  it("no configuration, one that is not there, one with nothing to serve", async () => {
    using folder = scratchFolder();
    const none = await portolan(["inetd"]);
    expect([none.status, none.stderr]).toEqual([64, expect.stringContaining("--config FILE")]);
    const missing = await portolan(["inetd", "--config", join(folder.path, "missing")]);
    expect([missing.status, missing.stderr]).toEqual([66, expect.stringContaining("ENOENT")]);
    const path = join(folder.path, "inetd.conf");
    writeFileSync(path, `${folder.path}/x.sock stream unix nowait ${user} /nonexistent/program program\n`);
    const nothing = await portolan(["inetd", "--config", path]);
    expect(nothing.status).toBe(78);
    expect(nothing.stderr).toMatch(/inetd\.conf:1: error: .*there is no program \/nonexistent\/program/);
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
