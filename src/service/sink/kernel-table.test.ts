import { describe, expect, it } from "vitest";
import { parseTcpTable } from "./kernel-table.ts";

const HEAD = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode";
const TAIL = "00:00000000 00000000     0        0 91342 1 0000000000000000 100 0 0 10 0";

describe("parseTcpTable", () => {
  it("reads a listener and a connection", () => {
    const text = [
      HEAD,
      `   0: 0100007F:1F90 00000000:0000 0A 00000000:00000002 ${TAIL}`,
      `  11: 0100007F:1F90 0100007F:C3A4 01 00000010:0000002A ${TAIL}`,
      "",
    ].join("\n");
    expect(parseTcpTable(text)).toEqual([
      {
        state: "LISTEN",
        local: { address: "127.0.0.1", port: 8080 },
        remote: { address: "0.0.0.0", port: 0 },
        txQueue: 0,
        rxQueue: 2,
      },
      {
        state: "ESTABLISHED",
        local: { address: "127.0.0.1", port: 8080 },
        remote: { address: "127.0.0.1", port: 50_084 },
        txQueue: 16,
        rxQueue: 42,
      },
    ]);
  });

  it("reads IPv6 addresses", () => {
    const text = `   0: 00000000000000000000000001000000:1F90 B80D0120000000000000000001000000:0001 06 00000000:00000000 ${TAIL}`;
    expect(parseTcpTable(text)).toMatchObject([
      { state: "TIME_WAIT", local: { address: "::1", port: 8080 }, remote: { address: "2001:db8::1", port: 1 } },
    ]);
  });

  it("passes over what is no row", () => {
    expect(parseTcpTable(`${HEAD}\nnonsense\n 0: xyz 00000000:0000 01 0:0 ${TAIL}`)).toEqual([]);
  });
});
