import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { TCP_INFO_STRUCT, TCP_INFO_TAIL } from "./generated/layouts.ts";
import { decodeTcpInfo, TCP_INFO_BYTES } from "./tcp-info.ts";

function sample(): Uint8Array {
  const bytes = new Uint8Array(TCP_INFO_BYTES);
  const view = new DataView(bytes.buffer);
  bytes[TCP_INFO_STRUCT.tcpi_state] = 1;
  bytes[6] = 0x97;
  bytes[7] = 0b101;
  view.setUint32(TCP_INFO_STRUCT.tcpi_rtt, 4_000_000_000, true);
  view.setBigUint64(TCP_INFO_STRUCT.tcpi_bytes_acked, 2n ** 60n, true);
  view.setUint32(TCP_INFO_STRUCT.tcpi_snd_wnd, 65536, true);
  view.setUint16(TCP_INFO_TAIL.tcpi_total_rto, 3, true);
  return bytes;
}

describe("TCP_INFO", () => {
  it("is decoded whole", () => {
    const info = decodeTcpInfo(sample());
    expect(info).toMatchObject({
      state: 1,
      snd_wscale: 7,
      rcv_wscale: 9,
      delivery_rate_app_limited: true,
      fastopen_client_fail: 2,
      rtt: 4_000_000_000,
      bytes_acked: 2n ** 60n,
      snd_wnd: 65536,
      total_rto: 3,
      received_ce_bytes: 0,
    });
    expect(Object.keys(info)).toHaveLength(69);
  });

  it("of an older kernel lacks the newer fields", () => {
    const info = decodeTcpInfo(sample(), 0, 104);
    expect(info.total_retrans).toBe(0);
    expect("pacing_rate" in info).toBe(false);
    expect(info.snd_wscale).toBe(7);
    const linux61 = decodeTcpInfo(sample(), 0, 232);
    expect(linux61.snd_wnd).toBe(65536);
    expect("rcv_wnd" in linux61).toBe(false);
  });

  it("of a newer kernel may be longer", () => {
    const bytes = new Uint8Array(TCP_INFO_BYTES + 64).fill(0xff);
    bytes.set(sample(), 8);
    expect(decodeTcpInfo(bytes, 8)).toEqual(decodeTcpInfo(sample()));
  });

  it("never throws", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), fc.nat(410), fc.nat(410), (bytes, offset, length) => {
        for (const value of Object.values(decodeTcpInfo(bytes, offset, length))) {
          expect(["number", "bigint", "boolean"]).toContain(typeof value);
        }
      }),
    );
    expect(decodeTcpInfo(new Uint8Array(0))).toEqual({});
  });
});
