import { describe, expect, it } from "vitest";
import { planScaling } from "./scaling.ts";

describe("scaling over workers", () => {
  it("is not measured with fewer than four cores, or without taskset", () => {
    expect(planScaling([0], true)).toEqual({
      notMeasured: "it takes at least 4 cores, and this process may use 1 core",
    });
    expect(planScaling([0, 1, 2], true)).toEqual({
      notMeasured: "it takes at least 4 cores, and this process may use 3 cores",
    });
    expect(planScaling([0, 1, 2, 3], false)).toHaveProperty("notMeasured");
  });

  it("gives half of the cores to the server, and doubles its workers", () => {
    expect(planScaling([0, 1, 2, 3], true)).toEqual({ serverCores: [2, 3], loadCores: [0, 1], workers: [1, 2] });
    expect(planScaling([0, 1, 2, 3, 4, 5, 6, 7, 8], true)).toEqual({
      serverCores: [5, 6, 7, 8],
      loadCores: [0, 1, 2, 3, 4],
      workers: [1, 2, 4],
    });
  });
});
