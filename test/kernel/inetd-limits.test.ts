/** Bounds of the super-server's services: who is let in, how many, how fast; and programs that go wrong. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect, listen, type Socket } from "portolan";
import { startInetd } from "portolan/inetd";
import { closeThreadReactor } from "portolan/reactor";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  ask,
  children,
  configOf,
  PATIENCE_MS,
  readAll,
  serviceOf,
  shell,
  startServices,
} from "../support/inetd-kit.ts";
import { leftBehind, openThings } from "../support/leaks.ts";
import { needsProgram } from "../support/programs.ts";
import { until } from "../support/until.ts";

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "portolan-inetd-"));
});
afterAll(() => {
  closeThreadReactor();
  rmSync(folder, { recursive: true, force: true });
});

const UDP = { endpoint: "udp://127.0.0.1:0", listen: { type: "dgram" } } as const;

/** Answers the one datagram that it was started for. */
const ANSWER_ONE = "import socket\ns = socket.socket(fileno=0)\nd, a = s.recvfrom(100)\ns.sendto(d, a)";

/** A connection that cat has, so that it counts. */
async function hold(endpoint: string, source?: string): Promise<Socket> {
  const bind = source === undefined ? {} : { local: `tcp://${source}:0` };
  const socket = await connect(endpoint, { timeoutMs: PATIENCE_MS, ...bind });
  await socket.sendAll("x");
  expect((await socket.recv(1, { timeoutMs: PATIENCE_MS })).toString()).toBe("x");
  return socket;
}

/** Connects and reads to the end; a reset is an end as well. */
async function refused(endpoint: string): Promise<string> {
  using socket = await connect(endpoint, { timeoutMs: PATIENCE_MS });
  try {
    return await readAll(socket);
  } catch (error) {
    expect(error).toMatchObject({ code: "ECONNRESET" });
    return "";
  }
}

describe("who is let in", () => {
  it("instances: no more than so many at a time", async () => {
    await using started = await startServices([serviceOf({ limits: { instances: 2 } })]);
    using first = await hold(started.endpoint);
    using _second = await hold(started.endpoint);
    expect(await refused(started.endpoint)).toBe("");
    expect(await started.seen("FAIL")).toMatchObject({ reason: "service_limit", from: "127.0.0.1" });
    first.close();
    await started.seen("EXIT");
    using third = await hold(started.endpoint);
    expect(third.closed).toBe(false);
    expect(started.inetd.services[0]).toMatchObject({ started: 3, refused: 1, running: 2 });
  });

  it("per_source: no more than so many from one address, and others still", async () => {
    await using started = await startServices([serviceOf({ endpoint: "tcp://0.0.0.0:0", limits: { perSource: 1 } })]);
    const port = started.endpoint.split(":").at(-1);
    using _first = await hold(`tcp://127.0.0.1:${port}`);
    expect(await refused(`tcp://127.0.0.1:${port}`)).toBe("");
    expect(await started.seen("FAIL")).toMatchObject({ reason: "per_source_limit" });
    using other = await hold(`tcp://127.0.0.1:${port}`, "127.0.0.2");
    expect(other.closed).toBe(false);
  });

  it("all services together: no more programs than the super-server may have", async () => {
    const [one, two] = [serviceOf(), serviceOf({ id: "other" })];
    const config = configOf(one, two);
    const reasons: string[] = [];
    await using inetd = await startInetd(
      { ...config, global: { ...config.global, maxInstances: 1 } },
      { record: ({ reason }) => reasons.push(reason ?? "") },
    );
    const [first = "", second = ""] = inetd.services.map(({ endpoint }) => endpoint);
    using _held = await hold(first);
    expect(await refused(second)).toBe("");
    expect(reasons).toContain("process_limit");
  });

  it("cps: more in one second make the service rest, and who comes meanwhile waits in the queue", async () => {
    const limits = { connectionsPerSecond: 2, restSeconds: 1 };
    const program = { path: "/bin/echo", argv: ["echo", "served"] };
    await using started = await startServices([serviceOf({ limits, program })]);
    const answers: string[] = [];
    // Fast enough for three in one second, sooner or later.
    while (!answers.includes("")) answers.push(await refused(started.endpoint));
    expect(await started.seen("FAIL")).toMatchObject({ reason: "cps" });
    expect((await started.seen("REST")).reason).toContain("stopped for 1 seconds");
    expect(started.inetd.services[0]?.state).toBe("resting");
    expect(await ask(started.endpoint)).toBe("served\n");
    expect((await started.seen("NOTE")).reason).toBe("listens again");
  });

  it("so many in a minute, and the next makes the service rest for long", async () => {
    const limits = { connectionsPerMinute: 3, restSeconds: 600 };
    await using started = await startServices([serviceOf({ limits })]);
    for (let i = 0; i < 3; i++) expect(await ask(started.endpoint, "hello\n")).toBe("hello\n");
    expect(await refused(started.endpoint)).toBe("");
    const { reason } = await started.seen("REST");
    expect(reason).toBe("more than 3 connections in one minute: stopped for 600 seconds");
  });

  it("max_load: nobody while the machine is busy", async () => {
    await using started = await startServices([serviceOf({ limits: { maxLoad: 0 } })]);
    expect(await refused(started.endpoint)).toBe("");
    expect(await started.seen("FAIL")).toMatchObject({ reason: "load" });
  });

  it("addresses and times, and what is said to whom", async () => {
    writeFileSync(join(folder, "banner"), "this is a test\n");
    writeFileSync(join(folder, "fail"), "not you\n");
    writeFileSync(join(folder, "success"), "welcome\n");
    const banners = {
      always: join(folder, "banner"),
      onSuccess: join(folder, "success"),
      onFailure: join(folder, "fail"),
    };
    const loopback = { kind: "network", address: Uint8Array.of(127, 0, 0, 0), bits: 8, text: "127.0.0.0/8" } as const;
    const minute = new Date().getHours() * 60 + new Date().getMinutes();
    // Not within an hour of now.
    const night = { fromMinute: (minute + 90) % 1440, toMinute: (minute + 90) % 1440 };
    const open = { onlyFrom: [loopback], noAccess: [], times: [] };
    await using started = await startServices(
      [
        serviceOf({ banners, access: open }),
        serviceOf({ id: "denied", banners, access: { ...open, onlyFrom: [{ ...loopback, bits: 32 }] } }),
        serviceOf({ id: "closed", banners, access: { ...open, times: [night] } }),
        serviceOf({ id: "named", access: { ...open, onlyFrom: [{ kind: "host", text: "localhost" }] } }),
      ],
      { access: undefined },
    );
    const [allowed = "", denied = "", closed = "", named = ""] = started.inetd.services.map(({ endpoint }) => endpoint);
    expect(await ask(allowed, "hello\n")).toBe("this is a test\nwelcome\nhello\n");
    expect(await refused(denied)).toBe("this is a test\nnot you\n");
    expect(await refused(closed)).toBe("this is a test\nnot you\n");
    expect(await ask(named, "hello\n")).toBe("hello\n");
    const failures = started.records.filter(({ entry }) => entry === "FAIL");
    expect(failures.map(({ id, reason }) => [id, reason])).toEqual([
      ["denied", "address"],
      ["closed", "time"],
    ]);
  });
});

describe.each([true, false])("datagrams, where the program has the socket: %s", (wait) => {
  const loopback = { kind: "network", address: Uint8Array.of(127, 0, 0, 1), bits: 32, text: "127.0.0.1" } as const;
  const localhost = { kind: "host", text: "localhost" } as const;
  const program = wait ? { path: "/usr/bin/env", argv: ["env", "python3", "-c", ANSWER_ONE] } : {};

  it("of who may not be served are dropped, and others are answered, also by their names", async (context) => {
    if (wait) needsProgram(context, "python3", ["--version"]);
    const access = { onlyFrom: [localhost, { ...loopback, address: Uint8Array.of(127, 0, 0, 7) }], times: [] };
    const service = serviceOf({ ...UDP, wait, program, access: { ...access, noAccess: [] } });
    await using started = await startServices([service], { access: undefined });
    using denied = await connect(started.endpoint, { local: "udp://127.0.0.9:0" });
    using known = await connect(started.endpoint, { local: "udp://127.0.0.7:0" });
    using named = await connect(started.endpoint);
    for (const socket of [denied, known, named]) await socket.send("hello");
    for (const socket of [known, named]) {
      expect((await socket.recv(100, { timeoutMs: PATIENCE_MS })).toString()).toBe("hello");
    }
    expect(started.records.filter(({ entry }) => entry === "FAIL")).toMatchObject([
      { reason: "address", from: "127.0.0.9" },
    ]);
    await started.seen("EXIT", 2);
    expect(started.inetd.services[0]).toMatchObject({ started: 2, refused: 1 });
  });

  it("more in a second than may come make the service rest, and it goes on after that", async () => {
    const limits = { connectionsPerSecond: 1, restSeconds: 1 };
    // Takes one, and ends.
    const taker = { path: "/bin/dd", argv: ["dd", "bs=100", "count=1", "status=none", "of=/dev/null"] };
    await using started = await startServices([serviceOf({ ...UDP, wait, program: taker, limits })]);
    using socket = await connect(started.endpoint);
    const count = (wanted: string): number => started.records.filter(({ entry }) => entry === wanted).length;
    while (count("REST") === 0) {
      const [starts, ends] = [count("START"), count("FAIL")];
      await socket.send("again");
      await until(() => count("START") > starts || count("FAIL") > ends, PATIENCE_MS);
    }
    expect((await started.seen("REST")).reason).toMatch(/^more than 1 (datagrams|starts) in one second: stopped for 1/);
    await started.seen("NOTE");
    const starts = count("START");
    await socket.send("again");
    await started.seen("START", starts + 1);
  });
});

describe("programs that go wrong", () => {
  it("one that is missing, is a folder or may not be executed is told before anybody comes; the others are served", async () => {
    const plain = join(folder, "plain");
    writeFileSync(plain, "text\n", { mode: 0o644 });
    const inetd = await startInetd(
      configOf(
        serviceOf({ id: "missing", program: { path: join(folder, "missing"), argv: ["missing"] } }),
        serviceOf({ id: "folder", program: { path: folder, argv: ["folder"] } }),
        serviceOf({ id: "plain", program: { path: plain, argv: ["plain"] } }),
        serviceOf({ id: "good" }),
      ),
    );
    try {
      expect(inetd.problems.map(({ message }) => message)).toEqual([
        expect.stringContaining("there is no program"),
        expect.stringContaining("is no file"),
        expect.stringContaining("may not be executed"),
      ]);
      expect(inetd.problems.every(({ cure, origin }) => cure !== undefined && origin.line === 1)).toBe(true);
      expect(inetd.services.map(({ service }) => service.id)).toEqual(["good"]);
    } finally {
      await inetd.stop();
    }
  });

  it("one that vanishes, or is no program of this machine, fails for who comes, and the service rests after some", async () => {
    const path = join(folder, "vanishes");
    writeFileSync(path, "#!/proc/nonexistent/interpreter\n", { mode: 0o755 });
    const limits = { failures: 3, restSeconds: 60 };
    await using started = await startServices([serviceOf({ limits, program: { path, argv: ["vanishes"] } })]);
    expect(await refused(started.endpoint)).toBe("");
    rmSync(path);
    expect(await refused(started.endpoint)).toBe("");
    expect((await started.seen("NOTE")).reason).toContain("ENOENT");
    expect(await refused(started.endpoint)).toBe("");
    expect((await started.seen("REST")).reason).toMatch(/3 programs could not be started: stopped for 60 seconds/);
    expect(started.records.filter(({ entry }) => entry === "FAIL")).toMatchObject([
      { reason: "fork" },
      { reason: "fork" },
      { reason: "fork" },
    ]);
    expect(children()).toEqual([]);
  });

  it("one that is killed is reaped and put on record with its signal, and its peer sees the end", async () => {
    await using started = await startServices([serviceOf()]);
    using socket = await hold(started.endpoint);
    const { pid = 0 } = await started.seen("START");
    process.kill(pid, "SIGKILL");
    expect(await readAll(socket)).toBe("");
    expect(await started.seen("EXIT")).toMatchObject({ pid, signal: 9, status: undefined });
    expect(await ask(started.endpoint, "next\n")).toBe("next\n");
  });

  it("one that has a stream's socket and crashes at once is started again, until the service rests", async () => {
    const limits = { failures: 4, restSeconds: 1 };
    await using started = await startServices([serviceOf({ wait: true, limits, program: shell("exit 3") })]);
    using socket = await connect(started.endpoint, { timeoutMs: PATIENCE_MS });
    expect((await started.seen("REST")).reason).toMatch(/^4 programs within 1 seconds/);
    expect(started.records.filter(({ entry }) => entry === "EXIT")).toHaveLength(4);
    expect(started.records.find(({ entry }) => entry === "EXIT")).toMatchObject({ status: 3 });
    // And once more after the rest: the peer still waits.
    await started.seen("EXIT", 5);
    expect(socket.closed).toBe(false);
  });

  it("one that leaves its datagram unread would spin: the service is stopped for a while, and says so", async () => {
    const limits = { failures: 5, restSeconds: 1 };
    const program = { path: "/bin/true", argv: ["true"] };
    await using started = await startServices([serviceOf({ ...UDP, wait: true, limits, program })]);
    using socket = await connect(started.endpoint);
    await socket.send("hello");
    const { reason } = await started.seen("REST");
    expect(reason).toBe("5 programs within 1 seconds ended without taking what waited: stopped for 1 seconds");
    expect(started.inetd.services[0]).toMatchObject({ state: "resting", running: 0 });
    expect(started.records.filter(({ entry }) => entry === "START")).toHaveLength(5);
    await started.seen("START", 6);
    expect(started.records.some(({ entry, reason: text }) => entry === "NOTE" && text === "listens again")).toBe(true);
  });

  it("one that leaves a datagram unread which came before the kernel kept the time of arrivals is stopped as well", async () => {
    const given = await listen("udp://127.0.0.1:0");
    using socket = await connect(`udp://127.0.0.1:${(given.localAddress as { port: number }).port}`);
    await socket.send("hello");
    const place = { type: "dgram", activatedName: "given" } as const;
    const limits = { failures: 5, restSeconds: 60 };
    const service = serviceOf({ wait: true, limits, listen: place, program: { path: "/bin/true", argv: ["true"] } });
    const activated = [{ name: "given", fd: given.fd, socket: given }];
    const unbound = { ...service, listen: { ...service.listen, endpoint: undefined } };
    await using started = await startServices([unbound], { activated });
    expect((await started.seen("REST")).reason).toContain("ended without taking what waited: stopped for 60 seconds");
    expect(started.records.filter(({ entry }) => entry === "START")).toHaveLength(5);
  });

  it("one that does not heed SIGTERM is killed when the super-server stops, with what it has started", async () => {
    const before = openThings();
    const program = shell("trap '' TERM; sleep 600 & echo $!; while :; do sleep 600; done");
    const started = await startServices([serviceOf({ program })]);
    using socket = await connect(started.endpoint, { timeoutMs: PATIENCE_MS });
    const sleeper = Number((await socket.recv(100, { timeoutMs: PATIENCE_MS })).toString());
    await started.inetd.stop();
    expect(await started.seen("EXIT")).toMatchObject({ signal: 9 });
    await until(() => !isRunning(sleeper), PATIENCE_MS);
    socket.close();
    expect(await leftBehind(before, PATIENCE_MS)).toEqual([]);
  });
});

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
