import { describe, expect, it } from "vitest";
import { DEFAULT_SERVICE_LIMITS, type ServiceLimits } from "../model.ts";
import { Gate, SharedGate } from "./gate.ts";

const ANY = Number.POSITIVE_INFINITY;

function gate(limits: Partial<ServiceLimits>): Gate {
  return new Gate({ ...DEFAULT_SERVICE_LIMITS, ...limits }, new SharedGate(100));
}

describe("how many may come", () => {
  it("in a second, and then the service rests for as long as is said", () => {
    const one = gate({ connectionsPerSecond: 2, restSeconds: 3 });
    expect([0, 500, 999].map((ms) => one.arrive(ms))).toEqual([undefined, undefined, "cps"]);
    expect(one.tooMany("datagrams")).toBe("more than 2 datagrams in one second");
    expect(one.restMs(999)).toBe(3000);
    expect(one.arrive(1000)).toBeUndefined();
  });

  it("in a minute, however far apart, and then it rests at least until that minute is over", () => {
    const one = gate({ connectionsPerSecond: ANY, connectionsPerMinute: 3, restSeconds: 1 });
    expect([0, 20_000, 40_000, 59_000].map((ms) => one.arrive(ms))).toEqual([undefined, undefined, undefined, "cpm"]);
    expect(one.tooMany("connections")).toBe("more than 3 connections in one minute");
    expect(one.restMs(55_000)).toBe(5000);
    expect(one.restMs(59_900)).toBe(1000);
    expect(one.arrive(60_000)).toBeUndefined();
  });

  it("in a second of a minute that has room", () => {
    const one = gate({ connectionsPerSecond: 1, connectionsPerMinute: 100, restSeconds: 2 });
    expect([one.arrive(0), one.arrive(10)]).toEqual([undefined, "cps"]);
    expect(one.tooMany("starts")).toBe("more than 1 starts in one second");
    expect(one.restMs(10)).toBe(2000);
  });
});

describe("how many may be there", () => {
  it("of one source, of the service and of all services, and who has left makes room", () => {
    const shared = new SharedGate(3);
    const limits = { ...DEFAULT_SERVICE_LIMITS, instances: 2, perSource: 1 };
    const [one, other] = [new Gate(limits, shared), new Gate({ ...limits, instances: ANY, perSource: ANY }, shared)];
    expect([one.admit("a"), one.admit("a"), one.admit("b")]).toEqual([undefined, "per_source_limit", undefined]);
    expect(one.admit("c")).toBe("service_limit");
    expect([other.admit("a"), other.admit("a")]).toEqual([undefined, "process_limit"]);
    one.release("a");
    expect([one.running, shared.running]).toEqual([1, 2]);
    expect([one.admit("a"), other.admit("a")]).toEqual([undefined, "process_limit"]);
  });
});

it("failures count within the time of a rest, and begin anew after it", () => {
  const one = gate({ failures: 3, restSeconds: 1 });
  expect([0, 10, 2000, 2010, 2020].map((ms) => one.fail(ms))).toEqual([false, false, false, false, true]);
});
