/** Services of ours behind the super-server: in its own loop, with its access, limits and banners; or by another design. */
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect } from "portolan";
import type { InetdService, ServedByBuiltIn } from "portolan/inetd";
import { closeThreadReactor } from "portolan/reactor";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  ask,
  configOf,
  PATIENCE_MS,
  readAll,
  type ServiceWish,
  serviceOf,
  startServices,
} from "../support/inetd-kit.ts";
import { leftBehind, openThings } from "../support/leaks.ts";

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "portolan-inetd-"));
});
afterAll(() => {
  closeThreadReactor();
  rmSync(folder, { recursive: true, force: true });
});

function builtIn(
  service: string,
  wish: ServiceWish & { design?: string; options?: ServedByBuiltIn["options"] } = {},
): InetdService {
  const { design, options = null, ...rest } = wish;
  return serviceOf({ ...rest, serves: { kind: "builtin", service, options, design } });
}

const UDP = { endpoint: "udp://127.0.0.1:0", listen: { type: "dgram" } } as const;

describe("connections", () => {
  it("are served in the super-server's own process, and put on record", async () => {
    await using started = await startServices([
      builtIn("echo"),
      builtIn("time", { id: "time" }),
      builtIn("daytime", { id: "daytime", endpoint: `unix://${join(folder, "daytime.sock")}` }),
    ]);
    expect(await ask(started.endpoint, "hello\n")).toBe("hello\n");
    const [, time, daytime] = started.inetd.services.map(({ endpoint }) => endpoint);
    using socket = await connect(time as string, { timeoutMs: PATIENCE_MS });
    expect(await socket.recv(8, { timeoutMs: PATIENCE_MS })).toHaveLength(4);
    expect(await ask(daytime as string)).toMatch(/\d\d:\d\d:\d\d \d{4}/);
    expect(await started.seen("EXIT")).toMatchObject({ id: "test", from: "127.0.0.1" });
  });

  it("share what conversations of their service share, and go on through a reload", async () => {
    const service = builtIn("squares");
    await using started = await startServices([service]);
    using first = await connect(started.endpoint, { timeoutMs: PATIENCE_MS });
    const text = async (wanted: RegExp): Promise<void> => {
      let all = "";
      while (!wanted.test(all)) {
        const bytes = await first.recv(65_536, { timeoutMs: PATIENCE_MS });
        if (bytes.length === 0) throw new Error(`the end came after: ${all}`);
        all += bytes.toString();
      }
    };
    await text(/\n/);
    await started.inetd.reload(configOf(service));
    using second = await connect(started.endpoint, { timeoutMs: PATIENCE_MS });
    await second.sendAll("claim 2 2\n");
    await text(/2[ ,]+2/);
    await first.sendAll("claim 2 2\n");
    await text(/taken|occupied|already/i);
  });

  it("end when the super-server stops, which leaves nothing behind", async () => {
    const before = openThings();
    const path = join(folder, "echo.sock");
    const started = await startServices([builtIn("echo", { endpoint: `unix://${path}` })]);
    using socket = await connect(started.endpoint, { timeoutMs: PATIENCE_MS });
    await socket.sendAll("x");
    await socket.recv(1, { timeoutMs: PATIENCE_MS });
    expect(existsSync(path)).toBe(true);
    await started.inetd.stop();
    expect(existsSync(path)).toBe(false);
    await expect(readAll(socket)).resolves.toBe("");
    socket.close();
    expect(await leftBehind(before, PATIENCE_MS)).toEqual([]);
  });

  it("have the super-server's limits, access and banners", async () => {
    const banner = join(folder, "banner");
    const sorry = join(folder, "sorry");
    writeFileSync(banner, "welcome\n");
    writeFileSync(sorry, "sorry\n");
    const banners = { always: undefined, onSuccess: banner, onFailure: sorry };
    await using started = await startServices([builtIn("echo", { limits: { instances: 1 }, banners })]);
    using first = await connect(started.endpoint, { timeoutMs: PATIENCE_MS });
    expect((await first.recv(100, { timeoutMs: PATIENCE_MS })).toString()).toBe("welcome\n");
    expect(await ask(started.endpoint)).toBe("sorry\n");
    expect(await started.seen("FAIL")).toMatchObject({ reason: "service_limit", from: "127.0.0.1" });
    first.close();
    await started.seen("EXIT");
    expect(await ask(started.endpoint, "more\n")).toBe("welcome\nmore\n");
  });
});

describe("datagrams", () => {
  it("are answered, also those of two services at once", async () => {
    await using started = await startServices([builtIn("echo", UDP), builtIn("time-query", { ...UDP, id: "query" })]);
    using socket = await connect(started.endpoint);
    await socket.send("hello");
    expect((await socket.recv(100, { timeoutMs: PATIENCE_MS })).toString()).toBe("hello");
    const query = Buffer.alloc(13);
    query[0] = 1;
    query.writeUInt32BE(7, 1);
    using other = await connect(started.inetd.services[1]?.endpoint ?? "");
    await other.send(query);
    const answer = await other.recv(100, { timeoutMs: PATIENCE_MS });
    expect([answer[0], answer.readUInt32BE(1)]).toEqual([2, 7]);
  });

  it("that may not be answered are not, and are on record", async () => {
    const noAccess = [{ kind: "network", address: Uint8Array.of(127, 0, 0, 1), bits: 32, text: "127.0.0.1" }] as const;
    const access = { onlyFrom: undefined, noAccess, times: [] };
    await using started = await startServices([builtIn("echo", { ...UDP, access })], { access: undefined });
    using socket = await connect(started.endpoint);
    await socket.send("hello");
    expect(await started.seen("FAIL")).toMatchObject({ reason: "address", from: "127.0.0.1" });
    expect(started.inetd.services[0]).toMatchObject({ started: 0, refused: 1 });
  });

  it("that come too fast make the service rest, and it goes on after that", async () => {
    const limits = { connectionsPerSecond: 5, restSeconds: 1 };
    await using started = await startServices([builtIn("echo", { ...UDP, limits })]);
    using socket = await connect(started.endpoint);
    for (let i = 0; i < 50; i++) await socket.send("hello");
    expect((await started.seen("REST")).reason).toContain("more than 5 datagrams in one second");
    await started.seen("NOTE");
    await socket.send("again");
    let answer = "";
    while (answer !== "again") answer = (await socket.recv(100, { timeoutMs: PATIENCE_MS })).toString();
  });
});

describe("another design", () => {
  it("starts when somebody comes, on the super-server's socket", async () => {
    const before = openThings();
    {
      await using started = await startServices([builtIn("echo", { design: "iterative" })]);
      expect(started.inetd.services[0]).toMatchObject({ state: "listening", started: 0 });
      expect(await ask(started.endpoint, "one\n")).toBe("one\n");
      expect(await ask(started.endpoint, "two\n")).toBe("two\n");
      expect(started.inetd.services[0]).toMatchObject({ state: "busy", started: 1 });
      // Another service takes its place, on the same socket.
      const result = await started.inetd.reload(configOf(builtIn("rot13", { design: "iterative" })));
      expect(result).toMatchObject({ kept: ["test"], problems: [] });
      expect(await ask(started.endpoint, "uryyb\n")).toBe("hello\n");
    }
    expect(await leftBehind(before, PATIENCE_MS)).toEqual([]);
  });

  it("counts connections of one source by itself, and accepts no faster than it may", async () => {
    const limits = { perSource: 2, connectionsPerSecond: 20 };
    await using started = await startServices([
      builtIn("echo", { design: "thread", limits }),
      builtIn("daytime", { id: "daytime", design: "iterative", limits }),
    ]);
    const [echo = "", daytime = ""] = started.inetd.services.map(({ endpoint }) => endpoint);
    const held = [await connect(echo), await connect(echo)];
    for (const socket of held) {
      await socket.sendAll("x");
      expect((await socket.recv(1, { timeoutMs: PATIENCE_MS })).toString()).toBe("x");
    }
    using third = await connect(echo, { timeoutMs: PATIENCE_MS });
    await expect(readAll(third)).rejects.toMatchObject({ code: "ECONNRESET" });
    expect((await started.seen("NOTE")).reason).toContain("its source has 2 already");
    for (const socket of held) socket.close();
    // A tenth of a second's share may come at once: so 10 take 0.4 seconds at least, at 20 in a second.
    const beganMs = performance.now();
    for (let i = 0; i < 10; i++) expect(await ask(daytime)).toMatch(/\d\d:\d\d:\d\d/);
    expect(performance.now() - beganMs).toBeGreaterThan(350);
  });

  it("with fewer connections a second than it has children, has fewer children", async () => {
    const limits = {
      connectionsPerSecond: 2,
      perSource: Number.POSITIVE_INFINITY,
      instances: Number.POSITIVE_INFINITY,
    };
    await using started = await startServices([builtIn("daytime", { design: "prefork", limits })]);
    expect(await ask(started.endpoint)).toMatch(/\d\d:\d\d:\d\d/);
    expect(started.records.filter(({ entry }) => entry === "NOTE")).toEqual([]);
  });

  it("tells of limits that have no meaning for datagrams, and serves", async () => {
    await using started = await startServices([
      builtIn("echo", { ...UDP, design: "iterative", limits: { perSource: 3, instances: 7 } }),
    ]);
    expect(started.inetd.problems).toMatchObject([{ severity: "warning" }]);
    expect(started.inetd.problems[0]?.message).toMatch(/do not hold: instances, perSource, connectionsPerSecond$/);
    using socket = await connect(started.endpoint);
    await socket.send("hello");
    expect((await socket.recv(100, { timeoutMs: PATIENCE_MS })).toString()).toBe("hello");
  });

  it("is refused with rules that it would not look at, and where there is no such service or design", async () => {
    const access = { onlyFrom: [], noAccess: [], times: [] };
    const refused: readonly [InetdService, RegExp][] = [
      [builtIn("echo", { design: "iterative", access }), /accepts by itself.*: onlyFrom/],
      [builtIn("echo", { design: "iterative", limits: { connectionsPerMinute: 1, maxLoad: 2 } }), /maxLoad, conn/],
      [builtIn("echo", { design: "iterative", limits: { perSource: 0 } }), /perSource of 0/],
      [builtIn("ecco"), /no built-in service ecco/],
      [builtIn("echo", { design: "epol" }), /no server design "epol"/],
      [builtIn("rot13", { options: { rot: 12 } }), /rot/],
      [builtIn("squares", UDP), /not spoken over datagrams/],
    ];
    for (const [service, reason] of refused) await expect(startServices([service])).rejects.toThrow(reason);
  });
});
