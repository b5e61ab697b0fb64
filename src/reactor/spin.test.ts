import { describe, expect, it } from "vitest";
import { SPIN_MS, Spin } from "./spin.ts";

const few = 2;

/** A machine: how soon an event comes to who asks, and the CPU time that it costs to ask and to sleep for it. */
class Machine {
  spin: Spin = new Spin(() => this.#cpuMs);
  #cpuMs = 0;

  /** @returns how many of the waits were asked through */
  asked(waits: number, afterMs: number, askingCostsMs: number, sleepingCostsMs: number, active: number = few): number {
    let count = 0;
    for (let i = 0; i < waits; i++) {
      const asks = this.spin.isWorthIt(active);
      if (asks) count++;
      if (asks) this.#cpuMs += askingCostsMs;
      if (asks && afterMs < SPIN_MS) {
        this.spin.paid(1);
        continue;
      }
      if (asks) this.spin.wasInVain();
      this.#cpuMs += sleepingCostsMs;
      this.spin.slept(afterMs, 1);
    }
    return count;
  }

  /** Something else takes this thread's CPU time. */
  disturb(forMs: number): void {
    this.#cpuMs += forMs;
  }
}

describe("when to ask again rather than sleep", () => {
  it("asks where to sleep and be woken costs more", () => {
    expect(new Machine().asked(20_480, 0.02, 0.024, 0.028)).toBeGreaterThan(20_000);
  });

  it("sleeps where that costs less, and only tries now and then whether it still does", () => {
    const count = new Machine().asked(20_480, 0.02, 0.024, 0.012);
    expect(count).toBeLessThan(400);
    expect(count).toBeGreaterThan(100);
  });

  it("counts events, not waits: who sleeps may get several at once", () => {
    let cpuMs = 0;
    const spin = new Spin(() => cpuMs);
    let count = 0;
    for (let i = 0; i < 20_480; i++) {
      const asks = spin.isWorthIt(few);
      if (asks) count++;
      cpuMs += asks ? 0.02 : 0.03;
      if (asks) spin.paid(1);
      else spin.slept(0.02, 2);
    }
    expect(count).toBeLessThan(400);
  });

  it("counts no event for a wait that fails, as a signal makes it", () => {
    let cpuMs = 0;
    const spin = new Spin(() => cpuMs);
    let count = 0;
    for (let i = 0; i < 20_480; i++) {
      const asks = spin.isWorthIt(few);
      if (asks) count++;
      cpuMs += asks ? 0.02 : 0.03;
      if (asks) spin.paid(i % 4 === 0 ? -4 : 1);
      else spin.slept(0.02, 1);
    }
    expect(count).toBeGreaterThan(20_000);
  });

  it("changes its mind when the machine does", () => {
    const machine = new Machine();
    machine.asked(20_480, 0.02, 0.024, 0.012);
    expect(machine.asked(40_960, 0.02, 0.024, 0.05)).toBeGreaterThan(30_000);
    expect(machine.asked(40_960, 0.02, 0.024, 0.012)).toBeLessThan(15_000);
  });

  it("is not misled by one disturbance", () => {
    const machine = new Machine();
    machine.asked(4096, 0.02, 0.012, 0.028);
    // In the middle of the trials of asking.
    machine.asked(10, 0.02, 0.012, 0.028);
    machine.disturb(1000);
    expect(machine.asked(20_480, 0.02, 0.012, 0.028)).toBeGreaterThan(20_000);
  });

  it("never asks while gaps are long", () => {
    expect(new Machine().asked(1000, SPIN_MS, 0.024, 0.028)).toBe(0);
  });

  it("sleeps where many connections can gather events meanwhile", () => {
    expect(new Machine().asked(1000, 0.02, 0.024, 0.028, 1000)).toBe(0);
  });

  it("tries ever more rarely what is in vain", () => {
    const spin = new Spin(() => 0);
    let count = 0;
    for (let i = 0; i < 10_000; i++) {
      if (spin.isWorthIt(few)) {
        count++;
        spin.wasInVain();
      }
      spin.slept(0.02, 1);
    }
    expect(count).toBeLessThan(250);
    expect(count).toBeGreaterThan(100);
  });
});
