import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { chargenDatagram } from "./chargen.ts";
import type { DatagramProtocol } from "./datagram.ts";
import { ANSWERING_PORTS, DatagramGuard, type GuardOptions, guarded, UNPRIVILEGED_SHIFT } from "./datagram-guard.ts";
import { FakeDatagrams, peerAt } from "./driver.testing.ts";
import { echoDatagram } from "./echo.ts";

const CLIENT = peerAt("192.0.2.1", 40_000);

function refusalOf(address: string, port: number, options: GuardOptions = {}): string | undefined {
  return new DatagramGuard(options).admit(peerAt(address, port), 0);
}

describe("whom a guard answers", () => {
  it("refuses the ports of services, with and without privilege", () => {
    for (const port of [0, 1, 7, 13, 19, 37, 53, 123, 161, 1023]) expect(refusalOf("192.0.2.1", port)).toBe("port");
    for (const port of [7007, 7009, 7013, 7019, 7037, 1067, 5678]) expect(refusalOf("192.0.2.1", port)).toBe("port");
    for (const port of Object.values(ANSWERING_PORTS)) {
      expect(refusalOf("192.0.2.1", port)).toBe("port");
      if (port < 1024) expect(refusalOf("192.0.2.1", port + UNPRIVILEGED_SHIFT)).toBe("port");
    }
    expect(refusalOf("192.0.2.1", 1024)).toBeUndefined();
    expect(refusalOf("192.0.2.1", 65_535)).toBeUndefined();
  });

  it("makes exceptions when told", () => {
    expect(refusalOf("192.0.2.1", 123, { allowPorts: [123] })).toBeUndefined();
    expect(refusalOf("192.0.2.1", 7007, { allowPorts: [7007] })).toBeUndefined();
    expect(refusalOf("192.0.2.1", 9999, { refusePorts: [9999] })).toBe("port");
    expect(refusalOf("192.0.2.1", 0, { allowPorts: [0] })).toBe("port");
  });

  it("refuses addresses that are no source, and takes loopback unless told", () => {
    for (const address of ["0.0.0.0", "0.9.9.9", "255.255.255.255", "224.0.0.1", "ff02::1", "::", "nonsense"]) {
      expect(refusalOf(address, 40_000)).toBe("address");
    }
    for (const address of ["127.0.0.1", "::1", "::ffff:127.0.0.1"]) {
      expect(refusalOf(address, 40_000)).toBeUndefined();
      expect(refusalOf(address, 40_000, { allowLoopback: false })).toBe("address");
    }
  });

  it("takes whatever comes over a unix socket", () => {
    const guard = new DatagramGuard({ burst: 1, ratePerSecond: 0 });
    for (let i = 0; i < 3; i++) expect(guard.admit({ family: "unix", address: "", port: 0 }, 0)).toBeUndefined();
  });

  it("refuses limits that make no sense", () => {
    for (const options of [{ burst: 0 }, { maxSources: 0 }, { quietMs: -1 }, { ratePerSecond: Number.NaN }]) {
      expect(() => new DatagramGuard(options)).toThrow(RangeError);
    }
  });
});

describe("how often a guard answers", () => {
  it("answers a burst, then is quiet, then answers at the rate", () => {
    const guard = new DatagramGuard({ burst: 3, ratePerSecond: 2, quietMs: 1000 });
    const admitted = (nowMs: number): boolean => guard.admit(CLIENT, nowMs) === undefined;
    expect([admitted(0), admitted(0), admitted(0), admitted(0)]).toEqual([true, true, true, false]);
    expect([admitted(600), admitted(999)]).toEqual([false, false]);
    expect([admitted(1000), admitted(1000), admitted(1000)]).toEqual([true, true, false]);
    expect(guard.refusals.rate).toBe(4);
  });

  it("holds each source to its own share, and an IPv6 host to that of its /64", () => {
    const guard = new DatagramGuard({ burst: 1, ratePerSecond: 0, quietMs: 1e9 });
    expect(guard.admit(peerAt("192.0.2.1", 5000), 0)).toBeUndefined();
    expect(guard.admit(peerAt("192.0.2.1", 5001), 0)).toBe("rate");
    expect(guard.admit(peerAt("192.0.2.2", 5000), 0)).toBeUndefined();
    expect(guard.admit(peerAt("2001:db8::1", 5000), 0)).toBeUndefined();
    expect(guard.admit(peerAt("2001:db8::2", 5000), 0)).toBe("rate");
    expect(guard.admit(peerAt("2001:db8:0:1::1", 5000), 0)).toBeUndefined();
  });

  it("never lets more through than burst and rate allow", () => {
    fc.assert(
      fc.property(fc.array(fc.nat(300), { maxLength: 200 }), (gapsMs) => {
        const guard = new DatagramGuard({ burst: 5, ratePerSecond: 10, quietMs: 200 });
        let nowMs = 0;
        let admitted = 0;
        for (const gapMs of gapsMs) {
          nowMs += gapMs;
          if (guard.admit(CLIENT, nowMs) === undefined) admitted++;
        }
        expect(admitted).toBeLessThanOrEqual(5 + (nowMs * 10) / 1000);
      }),
    );
  });

  it("remembers a bounded number of sources and forgets who was silent for longest", () => {
    const guard = new DatagramGuard({ burst: 1, ratePerSecond: 0, quietMs: 1e9, maxSources: 2 });
    const admit = (host: number): string | undefined => guard.admit(peerAt(`192.0.2.${host}`, 5000), 0);
    expect([admit(1), admit(2), admit(1), admit(3), admit(1), admit(2)]).toEqual([
      undefined,
      undefined,
      "rate",
      undefined,
      "rate",
      undefined,
    ]);
    expect(guard.sourceCount).toBe(2);
  });

  it("holds loopback to the rate where the port was chosen, as services choose theirs, and elsewhere if told", () => {
    const answeredOf = (port: number, options: GuardOptions = {}): number => {
      const guard = new DatagramGuard({ burst: 3, limitLoopback: false, ...options });
      return Array.from({ length: 10 }, () => guard.admit(peerAt("127.0.0.1", port), 0)).filter((why) => !why).length;
    };
    expect([answeredOf(32_768), answeredOf(40_000), answeredOf(60_999)]).toEqual([10, 10, 10]);
    expect([answeredOf(32_767), answeredOf(20_007), answeredOf(61_000)]).toEqual([3, 3, 3]);
    expect(answeredOf(20_007, { clientPorts: [20_000, 20_010] })).toBe(10);
    expect(answeredOf(20_007, { allowPorts: [20_007] })).toBe(10);
    expect(answeredOf(40_000, { limitLoopback: true })).toBe(3);
    // The ports of services stay theirs, and a range that is none holds nobody up.
    expect(answeredOf(7007, { clientPorts: [1, 65_535] })).toBe(0);
    expect(answeredOf(40_000, { clientPorts: [1, 0] })).toBe(3);
  });

  it("sets no limit when told so", () => {
    const guard = new DatagramGuard({ ratePerSecond: Number.POSITIVE_INFINITY });
    for (let i = 0; i < 10_000; i++) expect(guard.admit(CLIENT, 0)).toBeUndefined();
    expect(guard.sourceCount).toBe(0);
  });
});

describe("a guarded protocol", () => {
  it("answers as it did, and nobody whom it must not", () => {
    const protocol = guarded(echoDatagram);
    const socket = new FakeDatagrams(protocol);
    expect(socket.receiveText("hello", CLIENT)).toEqual(["hello"]);
    expect(socket.receiveText("hello", peerAt("192.0.2.1", 7))).toEqual([]);
    expect(socket.receiveText("hello", peerAt("255.255.255.255", 40_000))).toEqual([]);
    expect(protocol.guard.refusals).toEqual({ address: 1, amplification: 0, port: 1, rate: 0 });
  });

  it("sends one answer, no longer than the question as it was on the wire", () => {
    const talkative: DatagramProtocol = {
      datagram(out) {
        out.reply(new Uint8Array(10));
        out.reply(new Uint8Array(0));
        out.setTimer(1, out.nowMs + 10);
      },
      timer: (out) => out.reply(new Uint8Array(0)),
    };
    const lengths = (options: GuardOptions, question: number): number[] => {
      const socket = new FakeDatagrams(guarded(talkative, options));
      return socket.receive(new Uint8Array(4), CLIENT, question).map(({ length }) => length);
    };
    expect(lengths({}, 9)).toEqual([0]);
    expect(lengths({}, 10)).toEqual([10]);
    expect(lengths({ maxGrowthBytes: 1 }, 9)).toEqual([10]);
    expect(lengths({ maxGrowthBytes: Number.POSITIVE_INFINITY }, 0)).toEqual([10, 0]);
    const protocol = guarded(talkative);
    new FakeDatagrams(protocol).receive(new Uint8Array(10), CLIENT);
    expect(protocol.guard.refusals.amplification).toBe(1);
  });

  it("answers nothing from a timer", () => {
    const protocol = guarded({
      datagram: (out) => out.setTimer(1, out.nowMs + 10),
      timer: (out) => out.reply(new Uint8Array(0)),
    });
    const socket = new FakeDatagrams(protocol);
    socket.receive("?", CLIENT);
    socket.advance(20);
    expect(protocol.guard.refusals.amplification).toBe(1);
  });
});

describe("two services that a forged datagram points at each other", () => {
  /** Passes datagrams back and forth, 0.1 ms a step, and counts the steps until all is silent. */
  function stepsUntilSilent(ports: readonly [number, number], inFlight: number): number {
    const sockets = [
      new FakeDatagrams(guarded(echoDatagram)),
      new FakeDatagrams(guarded(chargenDatagram({ random: () => 0.999 })())),
    ];
    const forged: { to: number; bytes: Uint8Array } = { to: 0, bytes: new Uint8Array(64) };
    let flying = new Array(inFlight).fill(forged);
    for (let step = 0; step < 100_000; step++) {
      if (flying.length === 0) return step;
      flying = flying.flatMap(({ to, bytes }) =>
        (sockets[to] as FakeDatagrams)
          .receive(bytes, peerAt("127.0.0.1", ports[1 - to] as number))
          .map((answer) => ({ to: 1 - to, bytes: answer })),
      );
      for (const socket of sockets) socket.advance(0.1);
    }
    return Number.POSITIVE_INFINITY;
  }

  it("say nothing at all on the ports of services", () => {
    expect(stepsUntilSilent([7, 19], 10)).toBe(1);
    expect(stepsUntilSilent([7007, 7019], 10)).toBe(1);
  });

  it("fall silent on any other port as soon as their share is used up", () => {
    expect(stepsUntilSilent([40_007, 40_019], 1)).toBeLessThan(3000);
    expect(stepsUntilSilent([40_007, 40_019], 50)).toBeLessThan(100);
  });
});
