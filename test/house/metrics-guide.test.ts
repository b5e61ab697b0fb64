/** The guide's tables of metrics and of channels say what there is, and what there is is in the tables. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { inetdMetricDescriptions } from "portolan/inetd";
import { closeThreadReactor } from "portolan/reactor";
import {
  type DiagnosticChannel,
  type MetricDescription,
  metricDescriptions,
  metricsText,
  type Server,
  serve,
} from "portolan/server";
import { findService } from "portolan/service";
import { afterAll, beforeAll, expect, it } from "vitest";
import { seriesOf } from "../support/metrics.ts";

const guide = readFileSync(join(import.meta.dirname, "../../docs/guide/metrics.md"), "utf8");
const echo = findService("echo")!.reference(null);
const servers: Server[] = [];
let text: string;

/** The cells of the table that begins so. */
function tableRows(firstTitle: string): string[][] {
  const lines = guide.split("\n");
  const titles = lines.findIndex((line) => line.startsWith(`| ${firstTitle} `));
  const end = lines.findIndex((line, at) => at > titles && !line.startsWith("|"));
  return lines.slice(titles + 2, end).map((line) =>
    line
      .slice(1, -1)
      .split(" | ")
      .map((cell) => cell.trim()),
  );
}

function rowOf({ name, type, labels, unit, help }: MetricDescription): string[] {
  return [`\`${name}\``, type, labels.join(", ") || "-", unit, help];
}

beforeAll(async () => {
  for (const listen of ["tcp://127.0.0.1:0", "udp://127.0.0.1:0"]) {
    servers.push(await serve(echo, { listen, measureLoops: true }));
  }
  text = metricsText(servers);
});
afterAll(async () => {
  for (const server of servers) await server.stop();
  closeThreadReactor();
});

it("has a row for every metric, in the words of its code", () => {
  expect(tableRows("metric")).toEqual(metricDescriptions.map(rowOf));
});

it("has a row for every metric of a super-server, in the words of its code", () => {
  expect(tableRows("metric of inetd")).toEqual(inetdMetricDescriptions.map(rowOf));
});

it("has a row for every metric that servers tell, with its type and its labels, and no other", () => {
  const told = [...text.matchAll(/^# TYPE (\S+) (\S+)$/gm)].map(([, name, type]) => [`\`${name}\``, type]);
  expect(tableRows("metric").map(([name, type]) => [name, type])).toEqual(told);
  for (const [name = "", , labels = ""] of tableRows("metric")) {
    const wanted = labels === "-" ? [] : labels.split(", ");
    const series = [...seriesOf(text).keys()].filter((key) => key.startsWith(name.replaceAll("`", "")));
    expect(series.length, name).toBeGreaterThan(0);
    for (const key of series) {
      const found = [...key.matchAll(/(\w+)="/g)].map(([, label]) => label).filter((label) => label !== "le");
      expect(found, key).toEqual(wanted);
    }
  }
});

it("names every reason there is", () => {
  const reasons = [...text.matchAll(/reason="(\w+)"/g)].map(([, reason]) => reason);
  expect(new Set(reasons).size).toBeGreaterThan(5);
  const [, list = ""] = /`reason` is\n\n([\s\S]*?)\n\n/.exec(guide) ?? [];
  for (const reason of new Set(reasons)) expect(list).toContain(`\`${reason}\``);
});

it("has a row for every channel, and no other", () => {
  // Not complete, or of a name that is none: it does not compile.
  const channels: Record<DiagnosticChannel, true> = {
    "portolan:server:start": true,
    "portolan:server:stop": true,
    "portolan:server:end": true,
    "portolan:server:trouble": true,
    "portolan:worker:start": true,
    "portolan:worker:exit": true,
    "portolan:connection:open": true,
    "portolan:connection:close": true,
    "portolan:connection:refused": true,
  };
  expect(tableRows("channel").map(([name]) => name)).toEqual(Object.keys(channels).map((name) => `\`${name}\``));
});
