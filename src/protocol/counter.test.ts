import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  COUNTER_MAX_LINE_BYTES,
  COUNTER_RESOURCE,
  type CounterStore,
  counterResource,
  counterStream,
  ownedCounterStream,
} from "./counter.ts";
import { FakeHub, FakeStream } from "./driver.testing.ts";

const HELP = 'Type "add", "add N" (N from 1 to 1000), "read" or "quit".\r\n';

function variable(): CounterStore {
  let total = 0;
  return {
    add(amount) {
      total += amount;
      return total;
    },
    read: () => total,
  };
}

/** The two conversations, each behind a way to send lines and hear the answers. */
const kinds = [
  {
    name: "with a store",
    open(): { stream: FakeStream; run: () => void } {
      return { stream: new FakeStream(counterStream(variable())()), run: () => {} };
    },
  },
  ...[false, true].map((isUnsafe) => ({
    name: isUnsafe ? "with an owner, in two steps" : "with an owner",
    open(): { stream: FakeStream; run: () => void } {
      const hub = new FakeHub({ [COUNTER_RESOURCE]: counterResource() });
      return { stream: new FakeStream(ownedCounterStream({ isUnsafe })(), { hub }), run: () => hub.run() };
    },
  })),
];

describe.each(kinds)("the counter $name", ({ open }) => {
  it("adds, reads, explains itself and leaves", () => {
    const { stream, run } = open();
    stream.send("add\nadd 41\r\nread\nADD  8\nsubtract\nadd 0\nadd 1001\nadd 1 1\nquit\nadd\n");
    run();
    expect(stream.text).toBe(`1\r\n42\r\n42\r\n50\r\n${HELP.repeat(4)}`);
    expect(stream.ended).toBe(true);
  });

  it("does the same however its input is cut, and takes a last line without an end", () => {
    const { stream, run } = open();
    stream.sendByteByByte("add 5\r\nread").finish();
    run();
    expect(stream.text).toBe("5\r\n5\r\n");
    expect(stream.ended).toBe(true);
  });

  it("says what is too long", () => {
    const { stream, run } = open();
    stream.send(`${"x".repeat(COUNTER_MAX_LINE_BYTES + 1)}\nadd\n`);
    run();
    expect(stream.text).toBe("That line is too long: 80 bytes at most.\r\n1\r\n");
  });

  it("takes any bytes", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        const { stream, run } = open();
        stream.send(bytes).finish();
        run();
        expect(stream.aborted).toBeUndefined();
      }),
    );
  });
});

describe("two conversations with one owner", () => {
  /** What both are told, and the total, when each adds one and the requests come in turn. */
  function race(isUnsafe: boolean): { answers: string[]; total: string } {
    const hub = new FakeHub({ [COUNTER_RESOURCE]: counterResource() });
    const [first, second, third] = [1, 2, 3].map(() => new FakeStream(ownedCounterStream({ isUnsafe })(), { hub }));
    first?.send("add\n");
    second?.send("add\n");
    hub.run();
    third?.send("read\n");
    hub.run();
    return { answers: [first?.text ?? "", second?.text ?? ""], total: third?.text ?? "" };
  }

  it("lose nothing where an addition is one request", () => {
    expect(race(false)).toEqual({ answers: ["1\r\n", "2\r\n"], total: "2\r\n" });
  });

  it("lose one where it is two, for both read before either writes", () => {
    expect(race(true)).toEqual({ answers: ["1\r\n", "1\r\n"], total: "1\r\n" });
  });
});

describe("the counter's owner", () => {
  it("refuses what it does not understand", () => {
    const owner = counterResource();
    for (const body of [null, 7, "add", [1], {}, { op: "add" }, { op: "add", amount: 0.5 }, { op: "hop", amount: 1 }]) {
      expect(owner.handle(body, 1)).toEqual({ value: { refused: expect.any(String) } });
    }
    expect(owner.handle({ op: "read" }, 1)).toEqual({ value: 0 });
  });
});
