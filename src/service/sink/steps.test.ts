import { describe, expect, it } from "vitest";
import { parseStep, parseSteps } from "./steps.ts";

describe("steps of the sink", () => {
  it.each([
    ["", { do: "next" }],
    ["  ", { do: "next" }],
    ["listen", { do: "listen" }],
    ["ACCEPT", { do: "accept" }],
    ["recv", { do: "recv", bytes: undefined }],
    ["recv 10", { do: "recv", bytes: 10 }],
    ["wait 0.5", { do: "wait", ms: 500 }],
  ])("%j is a step", (text, step) => {
    expect(parseStep(text)).toEqual(step);
  });

  it.each(["liste", "recv 0", "recv x", "wait", "wait soon", "accept now", "recv 1 2"])("%j is none", (text) => {
    expect(() => parseStep(text)).toThrow(RangeError);
  });

  it("come in lists, with commas or line ends, and comments", () => {
    expect(parseSteps("listen, accept\n# a comment\nrecv 4 # four, or fewer\n\nclose").map((step) => step.do)).toEqual([
      "listen",
      "accept",
      "recv",
      "close",
    ]);
  });
});
