/** A changed configuration: sockets that stay are the same ones, nobody who waits is turned away, what runs goes on. */
import { existsSync, mkdtempSync, readdirSync, readlinkSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setImmediate as turn } from "node:timers/promises";
import { connect, SystemError } from "portolan";
import { startInetd } from "portolan/inetd";
import { closeThreadReactor } from "portolan/reactor";
import { afterAll, beforeAll, expect, it } from "vitest";
import { ask, configOf, PATIENCE_MS, readAll, serviceOf, shell, startServices } from "../support/inetd-kit.ts";
import { leftBehind, openThings } from "../support/leaks.ts";
import { until } from "../support/until.ts";

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "portolan-inetd-"));
});
afterAll(() => {
  closeThreadReactor();
  rmSync(folder, { recursive: true, force: true });
});

/** The kernel's numbers of this process's sockets, by descriptor. */
function sockets(): Map<string, string> {
  const found = new Map<string, string>();
  for (const fd of readdirSync("/proc/self/fd")) {
    try {
      const target = readlinkSync(`/proc/self/fd/${fd}`);
      if (target.startsWith("socket:")) found.set(fd, target);
    } catch {
      // That which listed the folder.
    }
  }
  return found;
}

it("keeps the descriptor of what stays, opens what is new, closes what is gone", async () => {
  const [stays, goes] = [
    serviceOf({ id: "stays" }),
    serviceOf({ id: "goes", endpoint: `unix://${join(folder, "a")}` }),
  ];
  await using started = await startServices([stays, goes]);
  const before = sockets();
  const { endpoint = "" } = started.inetd.services[0] ?? {};
  const comes = serviceOf({ id: "comes", endpoint: `unix://${join(folder, "b")}` });
  const changed = serviceOf({ id: "stays", program: shell("cat >/dev/null; echo changed") });
  const result = await started.inetd.reload(configOf(comes, changed));
  expect(result).toEqual({ added: ["comes"], removed: ["goes"], kept: ["stays"], problems: [] });
  expect(started.inetd.services.map(({ service }) => service.id)).toEqual(["comes", "stays"]);
  expect(started.inetd.services[1]?.endpoint).toBe(endpoint);
  const after = sockets();
  expect([...before].filter(([fd, target]) => after.get(fd) === target).length).toBe(before.size - 1);
  expect(await ask(endpoint)).toBe("changed\n");
  await expect(connect(`unix://${join(folder, "a")}`)).rejects.toBeInstanceOf(SystemError);
  expect(await ask(`unix://${join(folder, "b")}`, "hello\n")).toBe("hello\n");
});

it("under load loses no connection, and each is served as before or as after", async () => {
  const service = (word: string): ReturnType<typeof serviceOf> =>
    serviceOf({ program: { path: "/bin/echo", argv: ["echo", word] } });
  await using started = await startServices([service("0")]);
  const TOTAL = 400;
  const AT_ONCE = 8;
  const answers: string[] = [];
  let next = 0;
  const client = async (): Promise<void> => {
    while (next++ < TOTAL) answers.push((await ask(started.endpoint)).trim());
  };
  const clients = Array.from({ length: AT_ONCE }, client);
  let reloads = 0;
  let isDone = false;
  const all = Promise.all(clients).finally(() => {
    isDone = true;
  });
  while (!isDone) {
    await started.inetd.reload(configOf(service(String(++reloads))));
    await turn();
  }
  await all;
  expect(answers).toHaveLength(TOTAL);
  expect(answers.filter((answer) => !/^\d+$/.test(answer))).toEqual([]);
  expect(new Set(answers).size).toBeGreaterThan(1);
  expect(reloads).toBeGreaterThan(1);
  expect(started.inetd.services[0]).toMatchObject({ started: TOTAL, refused: 0 });
});

it("those who wait in the queue of a service that rests are served after a change, and what runs goes on", async () => {
  const limits = { instances: 10, connectionsPerSecond: 1, restSeconds: 600 };
  await using started = await startServices([serviceOf({ limits })]);
  using first = await connect(started.endpoint, { timeoutMs: PATIENCE_MS });
  await first.sendAll("1");
  await first.recv(1, { timeoutMs: PATIENCE_MS });
  using _second = await connect(started.endpoint, { timeoutMs: PATIENCE_MS });
  await started.seen("REST");
  using third = await connect(started.endpoint, { timeoutMs: PATIENCE_MS });
  await third.sendAll("third");
  third.shutdown("write");
  await started.inetd.reload(configOf(serviceOf({ program: { path: "/usr/bin/tr", argv: ["tr", "a-z", "A-Z"] } })));
  expect(await readAll(third)).toBe("THIRD");
  await first.sendAll("2");
  expect((await first.recv(1, { timeoutMs: PATIENCE_MS })).toString()).toBe("2");
});

it("a service that is wrong now stays as it was; one that changes its kind keeps its socket", async () => {
  await using started = await startServices([serviceOf()]);
  const missing = { path: join(folder, "missing"), argv: ["missing"] };
  const failed = await started.inetd.reload(configOf(serviceOf({ program: missing })));
  expect(failed.problems).toHaveLength(1);
  expect(failed.kept).toEqual(["test"]);
  expect(await ask(started.endpoint, "hello\n")).toBe("hello\n");
  const builtIn = serviceOf({ serves: { kind: "builtin", service: "rot13", options: null, design: undefined } });
  expect((await started.inetd.reload(configOf(builtIn))).kept).toEqual(["test"]);
  expect(await ask(started.endpoint, "uryyb\n")).toBe("hello\n");
  const wait = serviceOf({ wait: true, program: shell("exit 0"), limits: { failures: 2, restSeconds: 60 } });
  expect((await started.inetd.reload(configOf(wait))).kept).toEqual(["test"]);
  using waiting = await connect(started.endpoint, { timeoutMs: PATIENCE_MS });
  await started.seen("REST");
  expect((await started.inetd.reload(configOf(serviceOf()))).kept).toEqual(["test"]);
  await waiting.sendAll("hello\n");
  waiting.shutdown("write");
  expect(await readAll(waiting)).toBe("hello\n");
});

it("a program that has the socket and does not heed SIGTERM holds up no change for long, and no stop", async () => {
  const mark = join(folder, "ignores");
  const stubborn = shell(`trap '' TERM; : >'${mark}'; while :; do sleep 600; done`);
  await using started = await startServices([serviceOf({ wait: true, program: stubborn })]);
  using waiting = await connect(started.endpoint, { timeoutMs: PATIENCE_MS });
  await until(() => existsSync(mark), PATIENCE_MS);
  await started.inetd.reload(configOf(serviceOf()));
  expect(await started.seen("EXIT")).toMatchObject({ signal: 9 });
  await waiting.sendAll("hello\n");
  waiting.shutdown("write");
  expect(await readAll(waiting)).toBe("hello\n");
});

it("of two services that ask for any free port, one that is renamed has the socket that the other has not", async () => {
  await using started = await startServices([serviceOf({ id: "a" }), serviceOf({ id: "b" })]);
  const [a, b] = started.inetd.services.map(({ endpoint }) => endpoint);
  const upper = serviceOf({ id: "c", program: { path: "/usr/bin/tr", argv: ["tr", "a-z", "A-Z"] } });
  const result = await started.inetd.reload(configOf(upper, serviceOf({ id: "b" })));
  expect(result).toMatchObject({ added: [], removed: ["a"], kept: ["c", "b"], problems: [] });
  expect(started.inetd.services.map(({ endpoint }) => endpoint)).toEqual([a, b]);
  expect(await ask(a ?? "", "hello\n")).toBe("HELLO\n");
  expect(await ask(b ?? "", "hello\n")).toBe("hello\n");
});

it("of two services with the same id the first is served, now and after a reload; the other is told", async () => {
  const before = openThings();
  {
    await using inetd = await startInetd(configOf(serviceOf(), serviceOf({ program: shell("exit 3") })));
    const [{ endpoint = "" } = {}] = inetd.services;
    expect(inetd.problems).toMatchObject([{ severity: "error", message: expect.stringContaining("this id already") }]);
    expect(await ask(endpoint, "hello\n")).toBe("hello\n");
    await inetd.reload(configOf(serviceOf(), serviceOf()));
    expect(inetd.problems).toHaveLength(1);
    expect(inetd.services.map((service) => service.endpoint)).toEqual([endpoint]);
    expect(await ask(endpoint, "hello\n")).toBe("hello\n");
  }
  expect(await leftBehind(before, PATIENCE_MS)).toEqual([]);
});

it("two services that ask for any free port keep theirs each, and a hundred reloads leave nothing behind", async () => {
  const before = openThings();
  {
    const config = configOf(serviceOf({ id: "a" }), serviceOf({ id: "b" }));
    await using started = await startServices(config.services);
    const ports = started.inetd.services.map(({ endpoint }) => endpoint);
    const open = openThings().size;
    for (let i = 0; i < 100; i++) await started.inetd.reload(config);
    expect(started.inetd.services.map(({ endpoint }) => endpoint)).toEqual(ports);
    await until(() => openThings().size === open, PATIENCE_MS);
  }
  expect(await leftBehind(before, PATIENCE_MS)).toEqual([]);
});
