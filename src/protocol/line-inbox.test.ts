import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { bytesOf, FakeStream, latin1 } from "./driver.testing.ts";
import { HELD_BY_OUTPUT, HELD_BY_REQUEST, LineInbox } from "./line-inbox.ts";
import type { StreamIntents, StreamProtocol } from "./stream.ts";

const MAX_LINE_BYTES = 10;

/** Takes one line, then holds until `goOn`; ends after the line "stop". */
class OneAtATime implements StreamProtocol {
  readonly lines: string[] = [];
  readonly #inbox = new LineInbox<StreamIntents>(
    {
      line: (out, line) => {
        this.lines.push(line);
        this.#inbox.hold(HELD_BY_REQUEST);
        if (line !== "stop") return;
        this.#inbox.close();
        out.end();
      },
      tooLong: () => void this.lines.push("(too long)"),
      ended: (out) => {
        this.lines.push("(end)");
        out.end();
      },
    },
    MAX_LINE_BYTES,
  );
  #out: StreamIntents | undefined;

  data(out: StreamIntents, bytes: Uint8Array, start: number, end: number): void {
    this.#out = out;
    this.#inbox.data(out, bytes, start, end);
  }

  end(out: StreamIntents): void {
    this.#out = out;
    this.#inbox.end(out);
  }

  goOn(): void {
    this.#inbox.release(this.#out as StreamIntents, HELD_BY_REQUEST);
  }

  holdForOutput(): void {
    this.#inbox.hold(HELD_BY_OUTPUT);
  }

  releaseOutput(): void {
    this.#inbox.release(this.#out as StreamIntents, HELD_BY_OUTPUT);
  }
}

describe("the line inbox", () => {
  it("hands over one line at a time, and has the driver wait", () => {
    const protocol = new OneAtATime();
    const stream = new FakeStream(protocol).send("one\ntwo\n12345678901\nthree\nlast").finish();
    const seen = [[...protocol.lines]];
    for (let i = 0; i < 4; i++) {
      expect(stream.paused).toBe(true);
      protocol.goOn();
      stream.drain();
      seen.push([...protocol.lines]);
    }
    expect(seen).toEqual([
      ["one"],
      ["one", "two"],
      ["one", "two", "(too long)", "three"],
      ["one", "two", "(too long)", "three", "last"],
      ["one", "two", "(too long)", "three", "last", "(end)"],
    ]);
    expect(stream.ended).toBe(true);
  });

  it("needs every reason released", () => {
    const protocol = new OneAtATime();
    new FakeStream(protocol).send("one\ntwo\n");
    protocol.holdForOutput();
    protocol.goOn();
    expect(protocol.lines).toEqual(["one"]);
    protocol.releaseOutput();
    expect(protocol.lines).toEqual(["one", "two"]);
  });

  it("hands over nothing after it was closed", () => {
    const protocol = new OneAtATime();
    const stream = new FakeStream(protocol, { readsAhead: true }).send("stop\nmore\n").send("and more\n").finish();
    protocol.goOn();
    expect(protocol.lines).toEqual(["stop"]);
    expect(stream.ended).toBe(true);
  });

  it("keeps what a driver had read ahead, in order, whatever the pieces", () => {
    fc.assert(
      fc.property(fc.array(fc.nat(60)), fc.boolean(), (cuts, readsAhead) => {
        const protocol = new OneAtATime();
        const input = bytesOf("one\r\ntwo\nthree\r\0four\n12345678901234\nfive");
        const stream = new FakeStream(protocol, { readsAhead });
        stream.send(
          input,
          cuts.sort((a, b) => a - b),
        );
        stream.finish();
        for (let i = 0; i < 10; i++) {
          protocol.goOn();
          stream.drain();
        }
        expect(protocol.lines).toEqual(["one", "two", "three", "four", "(too long)", "five", "(end)"]);
      }),
    );
  });

  it("gives up on a peer and a driver that do not stop", () => {
    const protocol = new OneAtATime();
    const stream = new FakeStream(protocol, { readsAhead: true });
    for (let i = 0; i < 5 && stream.aborted === undefined; i++) stream.send(`${"x\n".repeat(32 * 1024)}`);
    expect(stream.aborted).toMatch(/bytes came before there was time/);
    expect(protocol.lines).toEqual(["x"]);
  });
});

it("answers each timing mark that a telnet program asks for, wherever its request is cut", () => {
  const request = latin1("\xff\xf4\xff\xfd\x06a\r\n");
  for (let at = 0; at <= request.length; at++) {
    const protocol = new OneAtATime();
    const stream = new FakeStream(protocol);
    stream.send(request, at === 0 || at === request.length ? [] : [at]);
    expect(protocol.lines).toEqual(["a"]);
    expect([...stream.output]).toEqual([0xff, 0xfc, 6]);
  }
});
