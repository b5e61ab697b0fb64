import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Deadline, DeadlineHeap } from "./timers.ts";

/** What a random program does to one of a few deadlines. */
type Step =
  | { readonly kind: "set"; readonly which: number; readonly atMs: number }
  | { readonly kind: "clear"; readonly which: number }
  | { readonly kind: "fire"; readonly nowMs: number };

/** Enough for a heap of several levels, in which a deadline cleared in one branch lets one of another take its place. */
const DEADLINES = 40;

const which = fc.integer({ min: 0, max: DEADLINES - 1 });
const moment = fc.integer({ min: 0, max: 300 });
const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    { weight: 4, arbitrary: fc.record({ kind: fc.constant("set" as const), which, atMs: moment }) },
    { weight: 4, arbitrary: fc.record({ kind: fc.constant("clear" as const), which }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant("fire" as const), nowMs: moment }) },
  ),
  { maxLength: 200 },
);

/** A heap with deadlines that note their ids when they fire. */
function noting(count = DEADLINES): { heap: DeadlineHeap; deadlines: Deadline[]; fired: number[] } {
  const fired: number[] = [];
  const owner = { expired: (id: number): void => void fired.push(id) };
  return {
    heap: new DeadlineHeap(),
    deadlines: Array.from({ length: count }, (_, id) => new Deadline(owner, id)),
    fired,
  };
}

describe("DeadlineHeap", () => {
  it("agrees with a table of deadlines, whatever is done to it", () => {
    fc.assert(
      fc.property(fc.array(moment, { minLength: DEADLINES, maxLength: DEADLINES }), steps, (first, program) => {
        const { heap, deadlines, fired } = noting();
        const table = new Map(first.entries());
        for (const [id, atMs] of table) heap.set(deadlines[id] as Deadline, atMs);
        for (const step of program) {
          if (step.kind === "set") {
            heap.set(deadlines[step.which] as Deadline, step.atMs);
            table.set(step.which, step.atMs);
          } else if (step.kind === "clear") {
            heap.clear(deadlines[step.which] as Deadline);
            table.delete(step.which);
          } else {
            fired.length = 0;
            const due = [...table].filter(([, atMs]) => atMs <= step.nowMs);
            expect(heap.fire(step.nowMs)).toBe(due.length);
            expect([...fired].sort((a, b) => a - b)).toEqual(due.map(([id]) => id).sort((a, b) => a - b));
            const moments = fired.map((id) => table.get(id) as number);
            expect(moments).toEqual([...moments].sort((a, b) => a - b));
            for (const [id] of due) table.delete(id);
          }
          expect(heap.size).toBe(table.size);
          expect(heap.nextMs).toBe(Math.min(Number.POSITIVE_INFINITY, ...table.values()));
          for (const deadline of deadlines) expect(deadline.isSet).toBe(table.has(deadline.id));
        }
      }),
    );
  });

  it("tells when the earliest deadline has come closer, and only then", () => {
    const { heap, deadlines } = noting();
    const [a, b] = deadlines as [Deadline, Deadline];
    let told = 0;
    heap.onEarlier = () => told++;
    heap.set(a, 20);
    expect(told).toBe(1);
    heap.set(b, 30);
    heap.set(a, 25);
    heap.clear(b);
    expect(told).toBe(1);
    heap.set(b, 5);
    expect(told).toBe(2);
    heap.set(a, 4);
    expect(told).toBe(3);
  });

  it("leaves for the next firing what a callback sets to the past", () => {
    const heap = new DeadlineHeap();
    let fired = 0;
    const deadline: Deadline = new Deadline({
      expired: () => {
        fired++;
        heap.set(deadline, -1_000);
      },
    });
    heap.set(deadline, 1);
    expect(heap.fire(10)).toBe(1);
    expect(deadline.isSet).toBe(true);
    expect(heap.nextMs).toBeGreaterThan(10);
    expect(heap.nextMs).toBeLessThan(11);
    expect(heap.fire(10)).toBe(0);
    expect(heap.fire(11)).toBe(1);
    expect(fired).toBe(2);
  });

  it("lets a callback clear another deadline that is due", () => {
    const { heap, deadlines, fired } = noting();
    const victim = deadlines[1] as Deadline;
    const killer = new Deadline({ expired: () => heap.clear(victim) });
    heap.set(killer, 1);
    heap.set(victim, 2);
    heap.set(deadlines[2] as Deadline, 3);
    expect(heap.fire(10)).toBe(2);
    expect(fired).toEqual([2]);
    expect(victim.isSet).toBe(false);
  });

  it("lets a callback move another deadline that is due", () => {
    const { heap, deadlines, fired } = noting();
    const moved = deadlines[1] as Deadline;
    heap.set(new Deadline({ expired: () => heap.set(moved, 99) }), 1);
    heap.set(moved, 2);
    expect(heap.fire(10)).toBe(1);
    expect(fired).toEqual([]);
    expect(heap.nextMs).toBe(99);
  });

  it("keeps what is due when a callback throws", () => {
    const { heap, deadlines, fired } = noting();
    const mistake = new Error("a mistake");
    heap.set(
      new Deadline({
        expired: () => {
          throw mistake;
        },
      }),
      1,
    );
    heap.set(deadlines[1] as Deadline, 2);
    expect(() => heap.fire(10)).toThrow(mistake);
    expect(heap.size).toBe(1);
    // The firing is over: a moment past is taken as it is.
    heap.set(deadlines[2] as Deadline, 0);
    expect(heap.fire(10)).toBe(2);
    expect(fired).toEqual([2, 1]);
  });

  it("refuses a moment that is not a number, and stays as it was", () => {
    const { heap, deadlines } = noting();
    const deadline = deadlines[0] as Deadline;
    heap.set(deadline, 5);
    expect(() => heap.set(deadline, Number.NaN)).toThrow(RangeError);
    expect(() => heap.set(deadlines[1] as Deadline, Number.NaN)).toThrow(RangeError);
    expect(heap.nextMs).toBe(5);
    expect(heap.size).toBe(1);
  });

  it("never fires a deadline at infinity", () => {
    const { heap, deadlines } = noting();
    heap.set(deadlines[0] as Deadline, Number.POSITIVE_INFINITY);
    expect(heap.fire(Number.MAX_VALUE)).toBe(0);
    heap.clear(deadlines[0] as Deadline);
    heap.clear(deadlines[0] as Deadline);
    expect(heap.size).toBe(0);
  });
});
