import { expect, it } from "vitest";
import { formatFamilies, formatLabels, type MetricFamily } from "./exposition.ts";

function family(part: Partial<MetricFamily>): MetricFamily {
  return { name: "taps", type: "counter", help: "Taps.", samples: [], ...part };
}

it("writes a family as a help line, a type line and a line for each sample", () => {
  const samples = [
    { labels: formatLabels({ end: "left" }), value: 3 },
    { labels: formatLabels({ end: "right" }), value: 0.5 },
  ];
  expect(formatFamilies([family({ samples })])).toBe(
    '# HELP taps Taps.\n# TYPE taps counter\ntaps{end="left"} 3\ntaps{end="right"} 0.5\n',
  );
});

it("leaves out a family without samples, and braces without labels", () => {
  expect(
    formatFamilies([family({}), family({ name: "one", samples: [{ labels: formatLabels({}), value: 1 }] })]),
  ).toMatch(/\none 1\n$/);
  expect(formatFamilies([family({})])).toBe("");
});

it("escapes what would end a label or a line", () => {
  const samples = [{ labels: formatLabels({ path: 'a"b\\c\nd' }), value: 1 }];
  expect(formatFamilies([family({ help: "one\ntwo \\ three", samples })])).toBe(
    '# HELP taps one\\ntwo \\\\ three\n# TYPE taps counter\ntaps{path="a\\"b\\\\c\\nd"} 1\n',
  );
});

it("writes a histogram as cumulative buckets, a sum and a count", () => {
  const value = { bounds: [0.000001, 0.5], cumulative: [1, 2, 5], sumSeconds: 7.25 };
  const text = formatFamilies([
    family({ name: "wait", type: "histogram", samples: [{ labels: formatLabels({ a: "b" }), value }] }),
  ]);
  expect(text.split("\n").slice(2)).toEqual([
    'wait_bucket{a="b",le="0.000001"} 1',
    'wait_bucket{a="b",le="0.5"} 2',
    'wait_bucket{a="b",le="+Inf"} 5',
    'wait_sum{a="b"} 7.25',
    'wait_count{a="b"} 5',
    "",
  ]);
});

it("adds samples of the same labels, for a series may be there once only", () => {
  const samples = [
    { labels: formatLabels({ at: "x" }), value: 1 },
    { labels: formatLabels({ at: "x" }), value: 2 },
  ];
  expect(formatFamilies([family({ samples })])).toContain('taps{at="x"} 3\n');
});

it("writes numbers that are none as Prometheus does", () => {
  const samples = [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY].map((value, at) => ({
    labels: formatLabels({ at: String(at) }),
    value,
  }));
  expect(formatFamilies([family({ samples })])).toMatch(/ NaN\n.* \+Inf\n.* -Inf\n$/);
});
