import { describe, expect, it } from "vitest";
import { SPIN_MS, Spin } from "./spin.ts";

const few = 2;

/** A machine on which an event comes after so long if one asks, and after so long if one sleeps. How many waits were asked through. */
function asked(spin: Spin, waits: number, askedMs: number, sleptMs: number, active = few): number {
  let count = 0;
  for (let i = 0; i < waits; i++) {
    const asks = spin.isWorthIt(active);
    if (asks) count++;
    if (asks && askedMs < SPIN_MS) {
      spin.paid(askedMs);
      continue;
    }
    if (asks) spin.wasInVain();
    else spin.slept(sleptMs);
  }
  return count;
}

describe("when to ask again rather than sleep", () => {
  it("asks where a wake takes long", () => {
    expect(asked(new Spin(), 10_000, 0.006, 0.055)).toBeGreaterThan(9500);
  });

  it("sleeps where a wake is cheap, and only tries now and then whether that is still so", () => {
    const count = asked(new Spin(), 10_240, 0.006, 0.009);
    expect(count).toBeLessThan(300);
    expect(count).toBeGreaterThan(50);
  });

  it("changes its mind when the machine does", () => {
    const spin = new Spin();
    asked(spin, 10_000, 0.006, 0.009);
    expect(asked(spin, 10_240, 0.006, 0.055)).toBeGreaterThan(8000);
    expect(asked(spin, 10_240, 0.006, 0.009)).toBeLessThan(2500);
  });

  it("never asks while gaps are long", () => {
    expect(asked(new Spin(), 1000, 0.006, SPIN_MS)).toBe(0);
  });

  it("sleeps where many connections can gather events meanwhile", () => {
    expect(asked(new Spin(), 1000, 0.006, 0.055, 1000)).toBe(0);
  });

  it("tries ever more rarely what is in vain", () => {
    expect(asked(new Spin(), 10_000, SPIN_MS, 0.055)).toBeLessThan(250);
  });
});
