import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  DAYTIME_MAX_BYTES,
  type DaytimeForm,
  daytimeDatagram,
  daytimeStream,
  formatDaytime,
  parseDaytime,
} from "./daytime.ts";
import { converse, FakeDatagrams, FakeStream } from "./driver.testing.ts";

const MOMENT = Date.UTC(2003, 6, 27, 22, 1, 51);
const DAY_MS = 86_400_000;

describe("the forms of daytime", () => {
  it("writes ctime(3)'s by default, the day of the month padded with a space", () => {
    expect(formatDaytime(MOMENT)).toBe("Sun Jul 27 22:01:51 2003");
    expect(formatDaytime(Date.UTC(2024, 1, 9, 4, 5, 6, 999))).toBe("Fri Feb  9 04:05:06 2024");
  });

  it("writes the two that RFC 867 suggests, as in its examples", () => {
    const pacific = { minutes: -480, name: "PST" };
    const moment = Date.UTC(1982, 1, 23, 1, 37, 43);
    // The RFC's example calls this Monday a Tuesday.
    expect(formatDaytime(moment, "weekday", pacific)).toBe("Monday, February 22, 1982 17:37:43-PST");
    expect(formatDaytime(Date.UTC(1982, 1, 2, 15, 59, 1), "smtp", pacific)).toBe("02 FEB 82 07:59:01 PST");
  });

  it("reads what it writes", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: -30 * 365, max: 200 * 365 }),
        fc.nat(86_399),
        fc.constantFrom<DaytimeForm>("ctime", "smtp", "weekday"),
        fc.integer({ min: -720, max: 840 }),
        (day, second, form, minutes) => {
          const unixMs = day * DAY_MS + second * 1000;
          const line = `${formatDaytime(unixMs, form, { minutes, name: "XYZ" })}\r\n`;
          expect(line.length).toBeLessThanOrEqual(DAYTIME_MAX_BYTES);
          expect(parseDaytime(line, unixMs)).toEqual({
            form,
            localMs: unixMs + minutes * 60_000,
            ...(form === "ctime" ? {} : { zone: "XYZ" }),
          });
        },
      ),
    );
  });

  it("is read with all digits of its year too, as xinetd writes it", () => {
    const localMs = Date.UTC(1936, 10, 28, 20, 55, 36);
    const wanted = { form: "smtp", localMs, zone: "UTC" };
    expect(parseDaytime("28 NOV 1936 20:55:36 UTC\r\n", MOMENT)).toEqual(wanted);
  });

  it("reads nothing into other lines and into dates that there are not", () => {
    for (const line of [
      "",
      "Sun Foo 27 22:01:51 2003",
      "Sat Feb 30 22:01:51 2003",
      "Sun Jul 27 24:01:51 2003",
      "Sun Jul 27 22:01:51 2003 or so",
      `Sunday, July 27, 2003 22:01:51-${"U".repeat(100)}`,
    ]) {
      expect(parseDaytime(line, MOMENT)).toBeUndefined();
    }
    fc.assert(
      fc.property(fc.string(), (line) => {
        expect(() => parseDaytime(line, MOMENT)).not.toThrow();
      }),
    );
  });

  it("refuses zones that cannot be", () => {
    for (const zone of [
      { minutes: 0, name: "" },
      { minutes: 0, name: "two words" },
      { minutes: 0, name: "X".repeat(17) },
      { minutes: 0, name: "X\r\n" },
      { minutes: 2000, name: "FAR" },
      { minutes: 0.5, name: "HALF" },
    ]) {
      expect(() => daytimeStream({ zone })).toThrow(RangeError);
    }
    expect(() => formatDaytime(Number.NaN)).toThrow(RangeError);
  });
});

describe("the daytime service", () => {
  it("answers a connection with one line and closes", () => {
    const stream = new FakeStream(daytimeStream()());
    expect(stream.text).toBe("Sun Jul 27 22:01:51 2003\r\n");
    expect(stream.ended).toBe(true);
  });

  it("answers any datagram with one line", () => {
    expect(new FakeDatagrams(daytimeDatagram({ form: "smtp" })()).receiveText("what time is it?")).toEqual([
      "27 JUL 03 22:01:51 UTC\r\n",
    ]);
  });

  it("asks for the zone at each moment where it changes", () => {
    const summerFrom = Date.UTC(2003, 2, 30, 1);
    const socket = new FakeDatagrams(
      daytimeDatagram({
        form: "smtp",
        zone: (unixMs) => (unixMs < summerFrom ? { minutes: 60, name: "CET" } : { minutes: 120, name: "CEST" }),
      })(),
    );
    socket.unixMs = summerFrom - 1000;
    expect(socket.receiveText("")).toEqual(["30 MAR 03 01:59:59 CET\r\n"]);
    socket.unixMs = summerFrom;
    expect(socket.receiveText("")).toEqual(["30 MAR 03 03:00:00 CEST\r\n"]);
  });

  it("does not care what it is sent", () => {
    fc.assert(
      fc.property(fc.uint8Array(), (input) => {
        expect(converse(daytimeStream()(), input)).toEqual(converse(daytimeStream()(), new Uint8Array(0)));
      }),
    );
  });
});
