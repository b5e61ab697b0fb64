/** The closing line of a run, and the skips that a run may have. Pure: the reporters and scripts around it do I/O. */

export interface Counts {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

/** The closing line: `12 passed, 0 failed, 3 skipped`. */
export function formatCounts({ passed, failed, skipped }: Counts): string {
  return `${passed} passed, ${failed} failed, ${skipped} skipped`;
}

/** A test that did not run. */
export interface SkippedTest {
  /** Path from the root. */
  readonly file: string;
  /** Suites and name, joined by " > ". */
  readonly test: string;
  readonly reason: string | undefined;
}

/** One entry of test/expected-skips.json. */
export interface ExpectedSkip {
  readonly file: string;
  /** As in {@link SkippedTest}; a final `*` stands for any rest. */
  readonly test: string;
  /** Why the machine that CI runs on cannot run it. */
  readonly reason: string;
}

/** Which skips nobody expected, and which expected ones did not happen. */
export function compareSkips(
  skipped: readonly SkippedTest[],
  expected: readonly ExpectedSkip[],
): { readonly unexpected: SkippedTest[]; readonly ran: ExpectedSkip[] } {
  return {
    unexpected: skipped.filter((skip) => !expected.some((entry) => covers(entry, skip))),
    ran: expected.filter((entry) => !skipped.some((skip) => covers(entry, skip))),
  };
}

function covers(entry: ExpectedSkip, skip: SkippedTest): boolean {
  const names = entry.test.endsWith("*") ? skip.test.startsWith(entry.test.slice(0, -1)) : skip.test === entry.test;
  return names && entry.file === skip.file;
}
