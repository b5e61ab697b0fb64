import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { HappyEyeballs, type HappyEyeballsOptions, MAX_RACED_ADDRESSES } from "./happy-eyeballs.ts";

interface Address {
  readonly family: string;
  readonly name: string;
}

function six(...names: string[]): Address[] {
  return names.map((name) => ({ family: "inet6", name }));
}

function four(...names: string[]): Address[] {
  return names.map((name) => ({ family: "inet", name }));
}

/** Lets time pass until nothing more would begin by itself: what began, and when. */
function run(core: HappyEyeballs<Address>, fromMs: number): string[] {
  const begun: string[] = [];
  for (let nowMs = Math.max(fromMs, core.wakeAtMs); Number.isFinite(nowMs); nowMs = Math.max(nowMs, core.wakeAtMs)) {
    const address = core.next(nowMs);
    if (address !== undefined) begun.push(`${nowMs} ${address.name}`);
  }
  return begun;
}

function resolved(addresses: readonly Address[], options?: HappyEyeballsOptions): HappyEyeballs<Address> {
  const core = new HappyEyeballs<Address>(options);
  core.add(addresses, 0);
  core.end(0);
  return core;
}

describe("order of addresses (RFC 8305 section 4)", () => {
  it("lets the families take turns, beginning with that of the preferred address", () => {
    const core = resolved([...six("A", "B", "C"), ...four("a", "b", "c")]);
    expect(run(core, 0)).toEqual(["0 A", "250 a", "500 B", "750 b", "1000 C", "1250 c"]);
  });

  it("begins with IPv4 where that is preferred", () => {
    expect(run(resolved([...four("a", "b"), ...six("A")]), 0)).toEqual(["0 a", "250 A", "500 b"]);
  });

  it("goes on with one family when the other has run out", () => {
    expect(run(resolved([...six("A"), ...four("a", "b", "c")]), 0)).toEqual(["0 A", "250 a", "500 b", "750 c"]);
  });

  it("tries as many of the first family first as it is told", () => {
    const core = resolved([...six("A", "B", "C"), ...four("a", "b")], { firstFamilyCount: 2 });
    expect(run(core, 0)).toEqual(["0 A", "250 B", "500 a", "750 C", "1000 b"]);
  });

  it("tries no more than its maximum", () => {
    const core = resolved(four(...Array.from({ length: 100 }, (_, index) => String(index))));
    expect(run(core, 0)).toHaveLength(MAX_RACED_ADDRESSES);
  });
});

describe("attempts (RFC 8305 section 5)", () => {
  it("begins the next at once when one fails, and counts the delay from there", () => {
    const core = resolved([...six("A"), ...four("a", "b")]);
    expect(core.next(0)?.name).toBe("A");
    expect(core.next(100)).toBeUndefined();
    core.failed(100);
    expect(core.wakeAtMs).toBe(100);
    expect(core.next(100)?.name).toBe("a");
    expect(core.wakeAtMs).toBe(350);
    expect(core.next(349)).toBeUndefined();
    expect(core.next(350)?.name).toBe("b");
    expect(core.begun).toBe(3);
  });

  it("is exhausted when every attempt has failed, not before", () => {
    const core = resolved([...six("A"), ...four("a")]);
    core.next(0);
    core.next(250);
    core.failed(300);
    expect(core.isExhausted).toBe(false);
    expect(core.wakeAtMs).toBe(Number.POSITIVE_INFINITY);
    core.failed(400);
    expect(core.isExhausted).toBe(true);
  });

  it("tries one after the other with an infinite delay", () => {
    const core = resolved(four("a", "b"), { attemptDelayMs: Number.POSITIVE_INFINITY });
    core.next(0);
    expect(core.wakeAtMs).toBe(Number.POSITIVE_INFINITY);
    core.failed(5000);
    expect(core.next(5000)?.name).toBe("b");
  });

  it.each([
    [{ attemptDelayMs: 9 }],
    [{ attemptDelayMs: Number.NaN }],
    [{ resolutionDelayMs: -1 }],
    [{ firstFamilyCount: 0 }],
    [{ firstFamilyCount: 1.5 }],
  ])("refuses %j", (options) => {
    expect(() => new HappyEyeballs(options)).toThrow(RangeError);
  });
});

describe("resolution delay (RFC 8305 section 3)", () => {
  const options: HappyEyeballsOptions = { preferredFamily: "inet6" };

  it("does not wait where the preferred family answers first", () => {
    const core = new HappyEyeballs<Address>(options);
    core.add(six("A"), 7);
    expect(core.next(7)?.name).toBe("A");
    core.add(four("a"), 100);
    expect(core.next(256)).toBeUndefined();
    expect(core.next(257)?.name).toBe("a");
  });

  it("gives the preferred family 50 ms to follow the other", () => {
    const core = new HappyEyeballs<Address>(options);
    core.add(four("a"), 10);
    expect(core.wakeAtMs).toBe(60);
    expect(core.next(59)).toBeUndefined();
    core.add(six("A"), 40);
    expect(core.next(40)?.name).toBe("A");
    expect(core.next(290)?.name).toBe("a");
  });

  it("begins with the other when the 50 ms are over, and takes in what comes late", () => {
    const core = new HappyEyeballs<Address>(options);
    core.add(four("a", "b"), 10);
    expect(core.next(60)?.name).toBe("a");
    core.add(six("A"), 200);
    expect(core.next(310)?.name).toBe("A");
    expect(core.next(560)?.name).toBe("b");
  });

  it("does not wait when it is known that nothing follows", () => {
    const core = new HappyEyeballs<Address>(options);
    core.add(four("a"), 10);
    core.end(20);
    expect(core.next(20)?.name).toBe("a");
  });

  it("is not exhausted while a look-up is under way, and is when none has given an address", () => {
    const core = new HappyEyeballs<Address>(options);
    core.add(four("a"), 0);
    core.next(50);
    core.failed(60);
    expect(core.isExhausted).toBe(false);
    core.end(70);
    expect(core.isExhausted).toBe(true);

    const empty = new HappyEyeballs<Address>();
    expect(empty.isExhausted).toBe(false);
    empty.end(0);
    expect(empty.isExhausted).toBe(true);
    expect(empty.next(0)).toBeUndefined();
  });
});

describe("whatever happens", () => {
  it("tries each address once, no two closer together than the delay unless one has failed", () => {
    const step = fc.record({
      kind: fc.constantFrom("add", "wait", "fail"),
      families: fc.array(fc.constantFrom("inet", "inet6"), { maxLength: 4 }),
      passMs: fc.integer({ min: 0, max: 400 }),
    });
    fc.assert(
      fc.property(
        fc.array(step, { maxLength: 40 }),
        fc.constantFrom(undefined, "inet", "inet6"),
        (steps, preferred) => {
          const core = new HappyEyeballs<Address>({ preferredFamily: preferred });
          const added: string[] = [];
          const begun: string[] = [];
          let nowMs = 0;
          let lastMs = Number.NEGATIVE_INFINITY;
          let underWay = 0;
          const pump = (): void => {
            for (let address = core.next(nowMs); address !== undefined; address = core.next(nowMs)) {
              expect(nowMs - lastMs).toBeGreaterThanOrEqual(250);
              lastMs = nowMs;
              begun.push(address.name);
              underWay++;
            }
          };
          for (const { kind, families, passMs } of steps) {
            nowMs += passMs;
            if (kind === "add") {
              const addresses = families.map((family, index) => ({ family, name: `${added.length + index}` }));
              core.add(addresses, nowMs);
              added.push(...addresses.map(({ name }) => name));
            } else if (kind === "fail" && underWay > 0) {
              core.failed(nowMs);
              underWay--;
              lastMs = Number.NEGATIVE_INFINITY;
            }
            pump();
          }
          core.end(nowMs);
          for (pump(); Number.isFinite(core.wakeAtMs); pump()) nowMs = Math.max(nowMs, core.wakeAtMs);
          for (; underWay > 0; underWay--) core.failed(nowMs);
          expect(core.isExhausted).toBe(true);
          const tried = added.slice(0, MAX_RACED_ADDRESSES);
          expect([...begun].sort()).toEqual([...tried].sort());
        },
      ),
    );
  });
});
