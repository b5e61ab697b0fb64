import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { OutputQueue, OutputTally } from "./output.ts";

/** A push of `push` bytes, or a drop of `drop` thousandths of what the first block shows. */
const steps = fc.array(
  fc.oneof(
    fc.record({ push: fc.oneof(fc.integer({ min: 0, max: 40 }), fc.integer({ min: 0, max: 50_000 })) }),
    fc.record({ drop: fc.oneof(fc.integer({ min: 0, max: 1000 }), fc.constant(1000)) }),
  ),
  { maxLength: 60 },
);

describe("OutputQueue", () => {
  it("agrees with one array, whatever is pushed and dropped", () => {
    fc.assert(
      fc.property(steps, (program) => {
        const queue = new OutputQueue();
        let reference: number[] = [];
        let next = 0;
        for (const step of program) {
          if ("push" in step) {
            const offset = next % 7;
            const bytes = new Uint8Array(offset + step.push + 3);
            for (let i = 0; i < step.push; i++) bytes[offset + i] = next++;
            queue.push(bytes, offset, offset + step.push);
            reference = reference.concat([...bytes.subarray(offset, offset + step.push)]);
            // The queue has copied: what happens to the bytes now is not its concern.
            bytes.fill(255);
          } else if (queue.bytes > 0) {
            const shown = queue.first();
            expect(shown.length).toBeGreaterThan(0);
            expect(Buffer.from(shown).equals(Buffer.from(reference.slice(0, shown.length)))).toBe(true);
            const count = Math.floor((shown.length * step.drop) / 1000);
            queue.drop(count);
            reference = reference.slice(count);
          }
          expect(queue.bytes).toBe(reference.length);
        }
        const rest: number[] = [];
        while (queue.bytes > 0) {
          const shown = queue.first();
          rest.push(...shown);
          queue.drop(shown.length);
        }
        expect(Buffer.from(rest).equals(Buffer.from(reference))).toBe(true);
      }),
    );
  });

  it("has its memory counted with that of others, and given back", () => {
    fc.assert(
      fc.property(steps, steps, (...programs) => {
        const tally = new OutputTally(Number.MAX_SAFE_INTEGER, () => {});
        const queues = programs.map((program) => {
          const queue = new OutputQueue(tally);
          for (const step of program) {
            if ("push" in step) queue.push(new Uint8Array(step.push), 0, step.push);
            else if (queue.bytes > 0) queue.drop(Math.floor((queue.first().length * step.drop) / 1000));
          }
          return queue;
        });
        const bytes = queues.reduce((sum, queue) => sum + queue.bytes, 0);
        expect(tally.bytes).toBeGreaterThanOrEqual(bytes);
        for (const queue of queues) queue.discard();
        expect(tally.bytes).toBe(0);
      }),
    );
  });

  it("tells once that more waits than may, and again after it was less", () => {
    let told = 0;
    const tally = new OutputTally(100_000, () => void told++);
    const [first, second] = [new OutputQueue(tally), new OutputQueue(tally)];
    const told60k = (queue: OutputQueue): number => {
      queue.push(new Uint8Array(60_000), 0, 60_000);
      return told;
    };
    expect([told60k(first), told60k(second), told60k(second)]).toEqual([0, 1, 1]);
    second.discard();
    expect(tally.bytes).toBe(60_000);
    expect(told60k(second)).toBe(2);
  });

  it("keeps small writes in few blocks", () => {
    const queue = new OutputQueue();
    for (let i = 0; i < 10_000; i++) queue.push(Uint8Array.of(i), 0, 1);
    let blocks = 0;
    for (; queue.bytes > 0; blocks++) queue.drop(queue.first().length);
    expect(blocks).toBe(1);
  });
});
