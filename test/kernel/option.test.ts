/**
 * Every option of the tables has a case: it is set and read back, does what it is for, shows on the wire, or agrees with
 * another source. The cases run in a network namespace of their own, where they have every capability over it.
 */
import { options } from "portolan";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { namespaceRefusal, runInNamespace } from "../support/namespace.ts";
import type { CaseTable } from "./option-cases/kit.ts";
import { type CaseResult, GROUPS } from "./option-cases/run-cases.ts";

const entry = new URL("../fixtures/run-option-cases.mjs", import.meta.url);
const tables: [string, CaseTable][] = [];
for (const [group, load] of Object.entries(GROUPS)) tables.push([group, (await load()).cases]);
/** A group takes some seconds; on a machine that is busy with other tests, many times as long. */
const groupLimitMs = 60_000;
const refusal = namespaceRefusal();
const tally = new Map<string, number>();

it("every option has one case", () => {
  const names = tables.flatMap(([, cases]) => Object.keys(cases));
  expect(names.sort()).toEqual(Object.keys(options).sort());
});

describe.each(tables)("%s", (group, cases) => {
  const results = new Map<string, CaseResult>();

  beforeAll(async () => {
    if (refusal !== undefined) return;
    const all = (await runInNamespace(entry, [group], groupLimitMs)) as CaseResult[];
    for (const result of all) results.set(result.option, result);
  }, groupLimitMs * 2);

  it.for(Object.keys(cases))("%s", (name, context) => {
    if (refusal !== undefined) context.skip(refusal);
    const result = results.get(name);
    if (result === undefined) throw new Error("the case has no result");
    const { outcome, proof, detail } = result;
    const way = outcome === "passed" ? proof : outcome;
    tally.set(way, (tally.get(way) ?? 0) + 1);
    if (outcome === "skipped") context.skip(detail);
    if (outcome === "failed") throw new Error(detail);
  });
});

afterAll(() => {
  const counts = [...tally].sort().map(([way, count]) => `${count} ${way}`);
  process.stdout.write(`${Object.keys(options).length} options: ${counts.join(", ")}\n`);
});
