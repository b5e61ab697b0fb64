/**
 * Ends a run with one plain line, `12 passed, 0 failed, 3 skipped`, for people and scripts alike. Before it stand, a line
 * each, the skips, the tests that passed only at a later attempt, and the failures, so that the end of a long log says
 * what to look at. In CI it also compares the skipped tests with test/expected-skips.json: a skip that nobody expected is
 * a test that silently stopped testing, and fails the run.
 */
import { readFileSync } from "node:fs";
import { relative } from "node:path";
import type { Reporter, TestCase, TestModule } from "vitest/node";
import { compareSkips, type ExpectedSkip, formatCounts, type SkippedTest } from "./support/counts.ts";

const expectedSkipsUrl = new URL("expected-skips.json", import.meta.url);

export default class CountsReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], unhandledErrors: readonly unknown[]): void {
    const tests = modules.flatMap((module) => [...module.children.allTests()]);
    const inState = (state: string): TestCase[] => tests.filter((test) => test.result().state === state);
    const skipped = inState("skipped").map(describeSkip);
    // A file can fail with all its tests passed (an import, a hook, something left open), and a run outside any file.
    const failedModules = modules.filter((module) => module.state() === "failed" && !hasFailedTest(module));

    for (const { file, test, reason } of skipped) {
      console.log(`skipped: ${file} > ${test}: ${reason ?? "no reason given"}`);
    }
    if (process.env.CI) {
      this.#compareWithExpected(skipped);
    }
    for (const test of inState("passed").filter((test) => test.diagnostic()?.flaky)) {
      console.log(`unsteady: ${place(test)}: passed at a later attempt`);
    }
    for (const test of inState("failed")) {
      console.log(`failed: ${place(test)}: ${firstLine(test.result().errors)}`);
    }
    for (const module of failedModules) {
      console.log(`failed: ${relative(process.cwd(), module.moduleId)}: ${firstLine(module.errors())}`);
    }
    for (const error of unhandledErrors) {
      console.log(`failed: outside any test: ${firstLine([error])}`);
    }
    const failed = inState("failed").length + failedModules.length + unhandledErrors.length;
    console.log(formatCounts({ passed: inState("passed").length, failed, skipped: skipped.length }));
  }

  #compareWithExpected(skipped: readonly SkippedTest[]): void {
    const expected: ExpectedSkip[] = JSON.parse(readFileSync(expectedSkipsUrl, "utf8"));
    const { unexpected, ran } = compareSkips(skipped, expected);
    for (const { file, test } of ran) {
      console.log(`note: ${file} > ${test} is listed in test/expected-skips.json but was not skipped`);
    }
    for (const { file, test } of unexpected) {
      console.error(`unexpected skip: ${file} > ${test}: supply what it needs, or list it in test/expected-skips.json`);
    }
    if (unexpected.length > 0) {
      process.exitCode = 1;
    }
  }
}

function place(test: TestCase): string {
  return `${relative(process.cwd(), test.module.moduleId)} > ${test.fullName}`;
}

function firstLine(errors: readonly unknown[] | undefined): string {
  const [error] = errors ?? [];
  const text =
    typeof error === "object" && error !== null && "message" in error ? String(error.message) : String(error);
  return text.split("\n", 1)[0] ?? "";
}

function describeSkip(test: TestCase): SkippedTest {
  const result = test.result();
  const note = result.state === "skipped" ? result.note : undefined;
  return { file: relative(process.cwd(), test.module.moduleId), test: test.fullName, reason: note };
}

function hasFailedTest(module: TestModule): boolean {
  return [...module.children.allTests("failed")].length > 0;
}
