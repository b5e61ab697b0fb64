import { describe, expect, it } from "vitest";
import { benches, isLoadBound } from "./benches.ts";
import { parseCoreList } from "./environment.ts";
import { benchNames, parseOptions, UsageError } from "./options.ts";
import { cautionsOf, cell } from "./output.ts";
import { checkScrape } from "./scraper.ts";
import { endpointPort, listeningPort, metricsUrl, servers } from "./servers.ts";
import { seededRandom, shuffled, summarize, summarizeRatio } from "./stats.ts";
import { figure, renderTable } from "./table.ts";

describe("summaries", () => {
  it("takes the middle of an odd and the mean of the two middles of an even count", () => {
    expect(summarize([30, 10, 20])).toEqual({ median: 20, min: 10, max: 30, spread: 1 });
    expect(summarize([4, 1, 3, 2])).toEqual({ median: 2.5, min: 1, max: 4, spread: 1.2 });
  });

  it("refuses nothing and what is no number", () => {
    expect(() => summarize([])).toThrow(RangeError);
    expect(() => summarize([1, Number.NaN])).toThrow(RangeError);
  });

  it("compares within each round, so that a machine that slows down falls out", () => {
    expect(summarizeRatio([100, 50, 10], [200, 100, 20])).toEqual({ median: 0.5, min: 0.5, max: 0.5, spread: 0 });
  });

  it("leaves out a round whose divisor is zero, and tells nothing if none is left", () => {
    expect(summarizeRatio([1, 3], [0, 2])?.median).toBe(1.5);
    expect(summarizeRatio([1], [0])).toBeUndefined();
    expect(() => summarizeRatio([1], [1, 2])).toThrow(RangeError);
  });
});

describe("the order within a round", () => {
  it("is a permutation that the seed repeats", () => {
    const items = ["a", "b", "c", "d", "e", "f"];
    const first = shuffled(items, seededRandom(7));
    expect([...first].sort()).toEqual(items);
    expect(shuffled(items, seededRandom(7))).toEqual(first);
  });

  it("puts each server first about equally often", () => {
    const random = seededRandom(1);
    const firsts = Array.from({ length: 4000 }, () => shuffled([0, 1, 2, 3], random)[0]);
    for (const server of [0, 1, 2, 3]) {
      const share = firsts.filter((first) => first === server).length / firsts.length;
      expect(share).toBeGreaterThan(0.22);
      expect(share).toBeLessThan(0.28);
    }
  });
});

describe("the table", () => {
  it("aligns names to the left and figures to the right", () => {
    expect(
      renderTable(
        ["server", "k/s"],
        [
          ["c", "291"],
          ["node-net", "7.1"],
        ],
      ),
    ).toBe(["server    k/s", "--------  ---", "c         291", "node-net  7.1"].join("\n"));
  });

  it("shows three digits", () => {
    expect([0, 0.2136, 3.357, 27.13, 291.4, 12787, Number.NaN].map(figure)).toEqual([
      "0",
      "0.214",
      "3.36",
      "27.1",
      "291",
      "12787",
      "-",
    ]);
  });

  it("shows the extremes where there are any", () => {
    expect(cell(summarize([1000, 2000, 3000]), 1e-3, true)).toBe("2.00 (1.00-3.00)");
    expect(cell(summarize([1000]), 1e-3, true)).toBe("1.00");
    expect(cell(undefined, 1, true)).toBe("-");
  });
});

describe("flags and cautions", () => {
  const times = (server: number, load: number, serverWait = 0, loadWait = 0) => ({
    windowNs: 1e9,
    serverCpuNs: server * 1e9,
    serverWaitNs: serverWait * 1e9,
    loadBusyNs: load * 1e9,
    loadWaitNs: loadWait * 1e9,
  });

  it("calls a round load-bound only if the load had no time left and the server had", () => {
    expect(isLoadBound(times(0.8, 0.99))).toBe(true);
    expect(isLoadBound(times(0.99, 0.99))).toBe(false);
    expect(isLoadBound(times(0.3, 0.4))).toBe(false);
  });

  it("counts the wait for a core as time that is not left", () => {
    expect(isLoadBound(times(0.5, 0.98, 0.48))).toBe(false);
    expect(isLoadBound(times(0.5, 0.6, 0, 0.38))).toBe(true);
  });

  it("flags a row by the middle of its rounds", () => {
    const flags = benches.find(({ name }) => name === "udp-echo")!.flags;
    expect(flags({ loadBound: summarize([1, 0, 1]), lostShare: summarize([0.02]) })).toEqual([
      "load-bound",
      "2.00 % lost",
    ]);
    expect(flags({ loadBound: summarize([1, 0, 0]), lostShare: summarize([0]) })).toEqual([]);
  });

  it("calls a machine noisy from a spread of more than 10 % on", () => {
    const result = (rates: number[]) => ({
      bench: "tcp-echo" as const,
      label: "",
      parameters: {},
      ratios: [],
      servers: [
        {
          name: "c-epoll",
          kind: "peer" as const,
          rounds: [],
          flags: [],
          summary: { requestsPerSecond: summarize(rates) },
        },
      ],
    });
    expect(cautionsOf([result([100, 101, 109])], 3)).toEqual([]);
    expect(cautionsOf([result([100, 101, 115])], 3).join()).toContain("shared or noisy machine");
    expect(cautionsOf([result([100])], 1).join()).toContain("one round");
  });
});

describe("what the bench reads", () => {
  it("learns the port from a peer's line", () => {
    expect(listeningPort("listening 40123")).toBe(40123);
    expect(listeningPort("listening on 40123")).toBeUndefined();
  });

  it("learns the port from our JSON, and from nothing else", () => {
    expect(endpointPort('{"event":"listening","endpoint":"tcp://127.0.0.1:40123","pid":1}')).toBe(40123);
    expect(endpointPort('{"event":"listening","endpoint":"udp://[::1]:53"}')).toBe(53);
    expect(endpointPort('{"event":"closed","endpoint":"tcp://127.0.0.1:40123"}')).toBeUndefined();
    expect(endpointPort("null")).toBeUndefined();
    expect(endpointPort("not JSON")).toBeUndefined();
  });

  it("learns where metrics are from our JSON, and from nothing else", () => {
    const url = "http://127.0.0.1:40123/metrics";
    expect(metricsUrl(JSON.stringify({ event: "metrics", endpoint: "tcp://127.0.0.1:40123", url }))).toBe(url);
    expect(metricsUrl(JSON.stringify({ event: "metrics", endpoint: "unix:///run/metrics" }))).toBeUndefined();
    expect(metricsUrl(JSON.stringify({ event: "listening", url }))).toBeUndefined();
    expect(metricsUrl("not JSON")).toBeUndefined();
  });

  it("compares a server with metrics to the same without, and that to itself", () => {
    const rows = servers.filter(({ transport }) => transport === "metrics");
    expect(rows.map(({ name, kind }) => [name, kind])).toEqual([
      ["with-metrics", "ours"],
      ["without-metrics", "peer"],
      ["without-metrics-again", "ours"],
    ]);
    const programs = { node: "node", portolan: () => "main.js" } as Parameters<(typeof rows)[0]["command"]>[0];
    const [withMetrics, without, again] = rows.map(({ command }) => command(programs).join(" "));
    expect(again).toBe(without);
    expect(withMetrics).toBe(`${without} --metrics 0`);
  });

  it("takes nothing for a scrape that says nothing of the loop", () => {
    const bytes = 'portolan_received_bytes_total{service="echo"} 640\n';
    const passes = 'portolan_loop_pass_seconds_count{service="echo"} 10\n';
    expect(() => checkScrape(bytes + passes)).not.toThrow();
    expect(() => checkScrape(bytes)).toThrow(/portolan_loop_pass_seconds_count/);
    expect(() => checkScrape("")).toThrow(/portolan_received_bytes_total/);
  });

  it("reads the kernel's lists of cores", () => {
    expect(parseCoreList("0-2,5\n")).toEqual([0, 1, 2, 5]);
    expect(parseCoreList("3")).toEqual([3]);
  });

  it("keeps the cases of a bench that has a name for them, whatever the lists say", () => {
    const many = benches.find(({ name }) => name === "tcp-many")!;
    expect(many.cases(parseOptions(["--connections", "3", "--size", "5"])).map(({ parameters }) => parameters)).toEqual(
      [
        { connections: 1000, sizeBytes: 64, depth: 1 },
        { connections: 10_000, sizeBytes: 64, depth: 1 },
      ],
    );
    expect(benches.map(({ name }) => name).sort()).toEqual([...benchNames].sort());
  });

  it("multiplies nothing out before it has checked the numbers", () => {
    expect(parseOptions(["tcp-echo", "--connections", "1,64"]).connections).toEqual([1, 64]);
    expect(parseOptions(["--idle", "10"]).benches).toEqual(["tcp-idle"]);
    expect(parseOptions([]).benches).toEqual(["tcp-echo", "udp-echo"]);
    for (const bad of [["--rounds", "0"], ["--size", "1,x"], ["--nonsense"], ["tcp-ech"], ["--load-core", "a"]]) {
      expect(() => parseOptions(bad)).toThrow(UsageError);
    }
    expect(() => parseOptions(["--connections", "0"])).toThrow(
      "--connections takes a whole number from 1 to 60000, not '0'",
    );
  });
});
