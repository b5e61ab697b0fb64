import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decodeTimeQuery, encodeTimeQuery } from "./time-query.ts";
import {
  TIME_QUERY_MAX_COUNT,
  type TimeQueryAnswer,
  type TimeQueryArrival,
  TimeQueryClient,
  type TimeQueryClientOptions,
} from "./time-query-client.ts";

const UNIX_MS = 1_700_000_000_000;
const SERVER_AHEAD_MS = 5000;

/** A client with a clock, and a network of which the test says what it does. */
class Harness {
  readonly client: TimeQueryClient;
  readonly requests: Uint8Array[] = [];
  readonly sentAtMs: number[] = [];
  readonly answers: TimeQueryAnswer[] = [];
  readonly timeouts: number[] = [];
  nowMs = 100;
  readonly out = {
    send: (bytes: Uint8Array): void => {
      this.requests.push(bytes);
      this.sentAtMs.push(this.nowMs);
    },
    answered: (answer: TimeQueryAnswer): void => void this.answers.push(answer),
    timedOut: (index: number): void => void this.timeouts.push(index),
  };

  constructor(options: Partial<TimeQueryClientOptions>) {
    this.client = new TimeQueryClient({ count: 1, intervalMs: 1000, timeoutMs: 500, ...options });
    this.runUntil(this.nowMs);
  }

  runUntil(untilMs: number): void {
    for (let turn = 0; turn < 100_000 && this.client.nextMs <= untilMs; turn++) {
      this.nowMs = Math.max(this.nowMs, this.client.nextMs);
      this.client.advance(this.out, this.nowMs, UNIX_MS + this.nowMs);
    }
    this.nowMs = Math.max(this.nowMs, untilMs);
  }

  receive(bytes: Uint8Array): TimeQueryArrival {
    return this.client.receive(this.out, bytes, 0, bytes.length, this.nowMs, UNIX_MS + this.nowMs);
  }

  /** The server's answer to request `index`, stamped half-way between `sentAtMs` and now. */
  answer(index: number): TimeQueryArrival {
    const { sequence } = decodeTimeQuery(this.requests[index] as Uint8Array) as { sequence: number };
    const halfWayMs = Math.floor(((this.sentAtMs[index] as number) + this.nowMs) / 2);
    return this.receive(encodeTimeQuery({ type: "response", sequence, unixMs: UNIX_MS + halfWayMs + SERVER_AHEAD_MS }));
  }
}

describe("the time query client", () => {
  it("sends at its interval, and its own time with it", () => {
    const harness = new Harness({ count: 3, firstSequence: 7 });
    harness.runUntil(10_000);
    expect(harness.sentAtMs).toEqual([100, 1100, 2100]);
    expect(harness.requests.map((bytes) => decodeTimeQuery(bytes))).toEqual(
      [0, 1, 2].map((i) => ({ type: "request", sequence: 7 + i, unixMs: UNIX_MS + 100 + i * 1000 })),
    );
  });

  it("measures round trips and the server's clock", () => {
    const harness = new Harness({ count: 2 });
    harness.runUntil(110);
    expect(harness.answer(0)).toBe("answer");
    harness.runUntil(1130);
    expect(harness.answer(1)).toBe("answer");
    expect(harness.client.isDone).toBe(true);
    expect(harness.client.nextMs).toBe(Number.POSITIVE_INFINITY);
    expect(harness.answers.map(({ index, rttMs }) => [index, rttMs])).toEqual([
      [0, 10],
      [1, 30],
    ]);
    expect(harness.client.report()).toEqual({
      sent: 2,
      answered: 2,
      late: 0,
      lost: 0,
      waiting: 0,
      duplicated: 0,
      reordered: 0,
      malformed: 0,
      stray: 0,
      lostRanges: [],
      rtt: { minMs: 10, meanMs: 20, maxMs: 30, deviationMs: 10, clockOffsetMs: SERVER_AHEAD_MS },
    });
  });

  it("gives up each request after its time-out, exactly", () => {
    const harness = new Harness({ count: 2 });
    harness.runUntil(599);
    expect(harness.timeouts).toEqual([]);
    harness.runUntil(600);
    expect(harness.timeouts).toEqual([0]);
    expect(harness.client.isDone).toBe(false);
    harness.runUntil(5000);
    expect(harness.timeouts).toEqual([0, 1]);
    expect(harness.client.isDone).toBe(true);
    expect(harness.client.report()).toMatchObject({ sent: 2, lost: 2, lostRanges: [[0, 1]] });
    expect(harness.client.report()).not.toHaveProperty("rtt");
  });

  it("tells late answers from lost ones", () => {
    const harness = new Harness({ count: 2, intervalMs: 10 });
    harness.runUntil(5000);
    expect(harness.answer(1)).toBe("late");
    expect(harness.answer(1)).toBe("duplicate");
    expect(harness.client.report()).toMatchObject({ late: 1, lost: 1, duplicated: 1, lostRanges: [[0, 0]] });
  });

  it("takes a late answer for late although nobody advanced meanwhile", () => {
    const harness = new Harness({});
    harness.nowMs = 600;
    expect(harness.answer(0)).toBe("late");
    expect(harness.timeouts).toEqual([0]);
  });

  it("counts strays and rubbish, and throws for nothing", () => {
    const harness = new Harness({ firstSequence: 0xff_ff_ff_ff, count: 2, intervalMs: 0 });
    expect(harness.requests.map((bytes) => decodeTimeQuery(bytes)?.sequence)).toEqual([0xff_ff_ff_ff, 0]);
    expect(harness.receive(encodeTimeQuery({ type: "response", sequence: 1, unixMs: 0 }))).toBe("stray");
    expect(harness.receive(encodeTimeQuery({ type: "response", sequence: 0xff_ff_ff_fe, unixMs: 0 }))).toBe("stray");
    expect(harness.receive(harness.requests[0] as Uint8Array)).toBe("malformed");
    expect(harness.answer(1)).toBe("answer");
    expect(harness.client.report()).toMatchObject({ stray: 2, malformed: 1, answered: 1 });
    fc.assert(fc.property(fc.uint8Array({ maxLength: 20 }), (bytes) => void harness.receive(bytes)));
  });

  it("refuses options that make no sense", () => {
    for (const options of [
      { count: 0 },
      { count: 1.5 },
      { count: TIME_QUERY_MAX_COUNT + 1 },
      { intervalMs: -1 },
      { timeoutMs: 0 },
      { firstSequence: 2 ** 32 },
    ]) {
      expect(() => new Harness(options)).toThrow(RangeError);
    }
  });
});

describe("a burst", () => {
  it("goes out as fast as the driver takes turns, with a turn in between", () => {
    const harness = new Harness({ count: 1000, intervalMs: 0 });
    expect(harness.requests).toHaveLength(1000);
    const oneTurn = new TimeQueryClient({ count: 1000, intervalMs: 0, timeoutMs: 500 });
    let sent = 0;
    oneTurn.advance({ send: () => sent++ }, 0, UNIX_MS);
    expect(sent).toBeGreaterThan(1);
    expect(sent).toBeLessThan(1000);
    expect(oneTurn.nextMs).toBe(0);
  });

  it("makes up for a short delay of the driver, not for a long one", () => {
    const sentAfter = (sleepMs: number): number => {
      const harness = new Harness({ count: 10_000, intervalMs: 10 });
      harness.nowMs += sleepMs;
      harness.runUntil(harness.nowMs);
      return harness.requests.length;
    };
    expect(sentAfter(50)).toBe(6);
    expect(sentAfter(60_000)).toBeLessThanOrEqual(12);
  });

  it("is analysed by sequence: lost, reordered, duplicated", () => {
    const harness = new Harness({ count: 8, intervalMs: 0 });
    for (const index of [0, 2, 1, 4, 4, 7]) harness.answer(index);
    harness.runUntil(1000);
    expect(harness.client.report()).toMatchObject({
      answered: 5,
      lost: 3,
      reordered: 1,
      duplicated: 1,
      lostRanges: [
        [3, 3],
        [5, 6],
      ],
    });
  });

  it("adds up, whatever the network does", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 200 }),
        fc.array(fc.tuple(fc.nat(199), fc.nat(40)), { maxLength: 400 }),
        (count, arrivals) => {
          const harness = new Harness({ count, intervalMs: 1, timeoutMs: 50 });
          let stray = 0;
          const seen = new Set<number>();
          let duplicated = 0;
          for (const [index, gapMs] of arrivals) {
            harness.runUntil(harness.nowMs + gapMs);
            if (index >= harness.requests.length) {
              stray += Number(harness.receive(strayFor(index)) === "stray");
              continue;
            }
            harness.answer(index);
            if (seen.has(index)) duplicated++;
            seen.add(index);
          }
          harness.runUntil(harness.nowMs + 10_000);
          const report = harness.client.report();
          expect(report.sent).toBe(count);
          expect(report.answered + report.late + report.lost).toBe(count);
          expect(report.answered + report.late).toBe(seen.size);
          expect([report.duplicated, report.stray, report.waiting]).toEqual([duplicated, stray, 0]);
          expect(harness.timeouts.length).toBe(report.late + report.lost);
        },
      ),
    );
  });
});

function strayFor(index: number): Uint8Array {
  return encodeTimeQuery({ type: "response", sequence: index, unixMs: 0 });
}
