/** Reading what `/metrics` says, as far as tests need it; test/interop/metrics.test.ts has a real parser read all of it. */

/** The value of each series by its text: `portolan_x_total{a="b"}`. */
export function seriesOf(text: string): ReadonlyMap<string, number> {
  const lines = text.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
  return new Map(
    lines.map((line) => {
      const end = line.lastIndexOf(" ");
      return [line.slice(0, end), Number(line.slice(end + 1))] as const;
    }),
  );
}

/**
 * The sum of the series of a name.
 * @param labels only those that have all of these, such as `reason="idle"`
 * @returns undefined where there are none
 */
export function figureIn(text: string, name: string, ...labels: readonly string[]): number | undefined {
  const found = [...seriesOf(text)].filter(
    ([series]) => series.split("{", 1)[0] === name && labels.every((label) => series.includes(label)),
  );
  return found.length === 0 ? undefined : found.reduce((sum, [, value]) => sum + value, 0);
}

/** The names of all series, without those parts that histograms add. */
export function familiesOf(text: string): string[] {
  return [...text.matchAll(/^# TYPE (\S+) /gm)].map(([, name]) => name as string);
}
