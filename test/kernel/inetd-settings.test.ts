/** As whom, where and within which bounds programs run; sockets handed in and out; redirection; the log. */
import { execFileSync } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir, userInfo } from "node:os";
import { join } from "node:path";
import { connect, listen } from "portolan";
import { startInetd } from "portolan/inetd";
import { closeThreadReactor } from "portolan/reactor";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ask, configOf, PATIENCE_MS, serviceOf, shell, startServices } from "../support/inetd-kit.ts";
import { needsProgram } from "../support/programs.ts";
import { until } from "../support/until.ts";

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "portolan-inetd-"));
  chmodSync(folder, 0o755);
});
afterAll(() => {
  closeThreadReactor();
  rmSync(folder, { recursive: true, force: true });
});

const isRoot = process.geteuid?.() === 0;
const NO_GROUP = { user: undefined, group: undefined, hasGroups: false };

const JAILED = String.raw`
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>
int main(void) {
  char path[100];
  struct rlimit files;
  getrlimit(RLIMIT_NOFILE, &files);
  printf("%s mark=%d proc=%d uid=%d gid=%d nice=%d files=%d\n", getcwd(path, sizeof path), access("/mark", F_OK),
         access("/proc/self", F_OK), getuid(), getgid(), getpriority(PRIO_PROCESS, 0), (int)files.rlim_cur);
  return 0;
}
`;

describe("a program runs", () => {
  it("with the umask, nice, limits, folder and environment that are asked for", async () => {
    const script = 'umask; nice; ulimit -n; ulimit -t; ulimit -c; pwd; echo "$PORTOLAN_TEST $HOME"';
    const program = {
      ...shell(script),
      umask: 0o027,
      nice: 7,
      rlimits: { openFiles: 99, cpuSeconds: 55, coreBytes: 0 },
      directory: folder,
      passEnvironment: ["PATH"],
      environment: { PORTOLAN_TEST: "a $(b) 'c'" },
    };
    const own = process.umask();
    await using started = await startServices([serviceOf({ program })]);
    expect((await ask(started.endpoint)).split("\n")).toEqual(
      ["0027", "7", "99", "55", "0", folder, "a $(b) 'c' "].concat(""),
    );
    expect(process.umask()).toBe(own);
  });

  it("with our standard error as its own, where that is asked for", async () => {
    const program = { ...shell("test /proc/$$/fd/2 -ef /proc/$PPID/fd/2 && echo ours"), isErrorToSocket: false };
    await using started = await startServices([serviceOf({ program })]);
    expect(await ask(started.endpoint)).toBe("ours\n");
  });

  it("with arguments that no shell reads", async () => {
    const argv = ["printf", "%s\n", "$HOME", "a; echo b", "`id`", "*", "", "it's"];
    await using started = await startServices([serviceOf({ program: { path: "/usr/bin/printf", argv, nice: 1 } })]);
    expect(await ask(started.endpoint)).toBe(
      argv
        .slice(2)
        .map((word) => `${word}\n`)
        .join(""),
    );
  });

  it("as another user, where this one may change; else as this one, and that is said", async () => {
    const other = userInfo().username === "daemon" ? "nobody" : "daemon";
    const group = readFileSync("/etc/group", "utf8").match(/^mail:[^:]*:(\d+):/m)?.[1] ?? "8";
    const script = shell("id -u; id -g; id -G");
    const idOf = (...args: string[]): string => execFileSync("id", [...args, other], { encoding: "utf8" }).trim();
    await using started = await startServices([
      serviceOf({ program: { ...script, credentials: { ...NO_GROUP, user: other } } }),
      serviceOf({ id: "group", program: { ...script, credentials: { ...NO_GROUP, user: other, group: "mail" } } }),
      serviceOf({ id: "all", program: { ...script, credentials: { ...NO_GROUP, user: other, hasGroups: true } } }),
      // As xinetd has it, and as inetd.
      ...[false, true].map((isOwnGroupLeft) => {
        const credentials = { user: other, group: "mail", hasGroups: true, isOwnGroupLeft };
        return serviceOf({ id: `left ${isOwnGroupLeft}`, program: { ...script, credentials } });
      }),
    ]);
    const found: string[] = [];
    for (const { endpoint } of started.inetd.services) found.push((await ask(endpoint)).trim().replaceAll("\n", " "));
    if (isRoot) {
      const [uid, gid, groups] = [idOf("-u"), idOf("-g"), idOf("-G")];
      const others = groups.split(" ").filter((number) => number !== gid);
      expect(found).toEqual([
        `${uid} ${gid} ${gid}`,
        `${uid} ${group} ${group}`,
        `${uid} ${gid} ${groups}`,
        `${uid} ${group} ${group} ${groups}`,
        [uid, group, group, ...others].join(" "),
      ]);
      expect(started.inetd.problems).toEqual([]);
    } else {
      expect(found.every((text) => text.startsWith(`${userInfo().uid} `))).toBe(true);
      const problem = { severity: "warning", message: expect.stringContaining("CAP_SETUID") };
      expect(started.inetd.problems).toMatchObject(Array(5).fill(problem));
    }
  });

  it("in another root, where this user may change it; else not at all", async () => {
    const program = { path: "/bin/sh", argv: ["sh", "-c", "echo $PWD; id -u"], root: "/", directory: "/tmp" };
    const credentials = { ...NO_GROUP, user: "nobody" };
    const services = [serviceOf({ program: { ...program, credentials } })];
    if (!isRoot) {
      await expect(startServices(services)).rejects.toThrow(/CAP_SYS_CHROOT.*|.*CAP_SYS_CHROOT/);
      return;
    }
    await using started = await startServices(services);
    expect(await ask(started.endpoint)).toBe("/tmp\n65534\n");
  });

  it("in a root that has nothing but the program", async (context) => {
    needsProgram(context, "cc", ["--version"]);
    const root = join(folder, "jail");
    mkdirSync(root);
    writeFileSync(join(root, "mark"), "");
    const source = join(folder, "jailed.c");
    writeFileSync(source, JAILED);
    execFileSync("cc", ["-static", "-o", join(root, "jailed"), source]);
    const program = { path: "/jailed", argv: ["jailed"], root, nice: 3, rlimits: { openFiles: 50 } };
    const services = [serviceOf({ program: { ...program, credentials: { ...NO_GROUP, user: "nobody" } } })];
    if (!isRoot) {
      await expect(startServices(services)).rejects.toThrow(/CAP_SYS_CHROOT/);
      return;
    }
    await using started = await startServices(services);
    expect(await ask(started.endpoint)).toBe("/ mark=0 proc=-1 uid=65534 gid=65534 nice=3 files=50\n");
    const inFolder = serviceOf({ program: { ...program, directory: "/" } });
    await expect(startServices([inFolder])).rejects.toThrow(/needs \/usr\/bin\/env in .*jail, and it is not there/);
  });

  it("as nobody whom there is not: that is told before anybody comes", async () => {
    const credentials = { ...NO_GROUP, user: "nobody-of-portolan" };
    const group = { ...NO_GROUP, group: "nogroup-of-portolan" };
    await expect(startServices([serviceOf({ program: { credentials } })])).rejects.toThrow(
      /no user nobody-of-portolan/,
    );
    await expect(startServices([serviceOf({ program: { credentials: group } })])).rejects.toThrow(/no group/);
  });
});

describe("sockets", () => {
  it("come as descriptor 3 with LISTEN_FDS, for programs that systemd would start", async () => {
    const script =
      'test "$LISTEN_PID" = $$ && echo "$LISTEN_FDS $LISTEN_FDNAMES from $REMOTE_HOST" >&3; readlink /proc/self/fd/0 >&3; ' +
      "test /proc/$$/fd/1 -ef /proc/$PPID/fd/2 && test /proc/$$/fd/2 -ef /proc/$PPID/fd/2 && echo ours >&3";
    await using started = await startServices([serviceOf({ program: { ...shell(script), activation: true } })]);
    expect(await ask(started.endpoint)).toBe("1 connection from 127.0.0.1\n/dev/null\nours\n");
  });

  it("that the super-server was started with are served by their names, and a missing one is told", async () => {
    const socket = await listen("tcp://127.0.0.1:0");
    const { fd } = socket;
    const wish = (name: string): Parameters<typeof serviceOf>[0] => ({ id: name, listen: { activatedName: name } });
    const services = ["given", "other"].map((name) => {
      const service = serviceOf(wish(name));
      return { ...service, listen: { ...service.listen, endpoint: undefined } };
    });
    const inetd = await startInetd(configOf(...services), { activated: [{ name: "given", fd, socket }] });
    try {
      expect(inetd.problems.map(({ message }) => message)).toEqual([expect.stringContaining('"other"')]);
      expect(await ask(inetd.services[0]?.endpoint ?? "", "hello\n")).toBe("hello\n");
    } finally {
      await inetd.stop();
    }
  });

  it("of unix have the permissions that are asked for, and go with their service", async () => {
    const path = join(folder, "mode.sock");
    const started = await startServices([serviceOf({ endpoint: `unix://${path}`, listen: { mode: 0o600 } })]);
    expect(statSync(path).mode & 0o777).toBe(0o600);
    await started.inetd.stop();
    expect(statSync(path, { throwIfNoEntry: false })).toBeUndefined();
  });

  it("listen at the address that is asked for, and at no other", async () => {
    await using started = await startServices([serviceOf({ endpoint: "tcp://127.0.0.3:0" })]);
    expect(await ask(started.endpoint, "hello\n")).toBe("hello\n");
    const port = started.endpoint.split(":").at(-1);
    await expect(connect(`tcp://127.0.0.1:${port}`)).rejects.toMatchObject({ code: "ECONNREFUSED" });
  });
});

describe("a redirection", () => {
  it("carries both ways, keeps half-closes, and counts", async () => {
    await using target = await startServices([serviceOf({ program: shell("cat; echo end") })]);
    const serves = { kind: "redirect", endpoint: target.endpoint } as const;
    await using started = await startServices([serviceOf({ serves })]);
    const text = "x".repeat(300_000);
    expect(await ask(started.endpoint, text)).toBe(`${text}end\n`);
    const { traffic } = await started.seen("TRAFFIC");
    expect(traffic).toEqual({ inBytes: 300_000, outBytes: 300_004 });
  });

  it("to where nobody listens ends the connection, and says why", async () => {
    const gone = await listen("tcp://127.0.0.1:0");
    const { port } = gone.localAddress as { port: number };
    gone.close();
    const serves = { kind: "redirect", endpoint: `tcp://127.0.0.1:${port}` } as const;
    await using started = await startServices([serviceOf({ serves })]);
    await ask(started.endpoint).catch((error: unknown) => expect(error).toMatchObject({ code: "ECONNRESET" }));
    expect((await started.seen("NOTE")).reason).toContain("ECONNREFUSED");
    await started.seen("EXIT");
  });
});

describe("the log", () => {
  it("of a file has xinetd's form, is opened anew by a reload, and ends at its hard limit", async () => {
    const path = join(folder, "log");
    const target = { kind: "file", path } as const;
    const log = { target, onSuccess: ["PID", "HOST", "EXIT", "DURATION"], onFailure: ["HOST"] } as const;
    const told: string[] = [];
    const complain = (message: string): void => void told.push(message);
    await using started = await startServices([serviceOf({ log })], { complain });
    await ask(started.endpoint);
    const { pid } = await started.seen("EXIT");
    await until(() => readFileSync(path, "utf8").split("\n").length === 3, PATIENCE_MS);
    const stamp = String.raw`\d\d/\d{1,2}/\d{1,2}@\d\d:\d\d:\d\d`;
    expect(readFileSync(path, "utf8")).toMatch(
      new RegExp(
        `^${stamp}: START: test pid=${pid} from=127\\.0\\.0\\.1\n${stamp}: EXIT: test status=0 pid=${pid} duration=\\d+\\(sec\\)\n$`,
      ),
    );
    rmSync(path);
    await started.inetd.reload(configOf(serviceOf({ log: { ...log, target: { ...target, hardBytes: 40 } } })));
    expect(readFileSync(path, "utf8")).toBe("");
    await ask(started.endpoint);
    await started.seen("EXIT", 2);
    expect(told).toEqual([expect.stringContaining("limit of 40 bytes")]);
  });
});
