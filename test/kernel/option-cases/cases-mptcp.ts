/** Level SOL_MPTCP. */
import assert from "node:assert/strict";
import { Socket } from "portolan";
import { IPPROTO_MPTCP, MPTCP_INFO_STRUCT, TCP_ESTABLISHED } from "portolan/abi";
import { type CaseTable, compared, get, loopback, needing, portOf, streamPair, until } from "./kit.ts";

/** Offsets in struct mptcp_full_info of linux/mptcp.h, which is newer than the headers that the ABI is made from. */
const FULL_INFO = { subflows: 16, info: 40 } as const;

const multipath = (): Socket =>
  needing("no MPTCP", ["EPROTONOSUPPORT", "ENOPROTOOPT"], () => new Socket("inet", "stream", IPPROTO_MPTCP));

function withPair(run: (client: Socket, server: Socket, name: string) => void): ReturnType<typeof compared> {
  return compared((name) => {
    const [client, server] = streamPair(multipath);
    using _client = client;
    using _server = server;
    run(client, server, name);
  });
}

export const cases: CaseTable = {
  MPTCP_FULL_INFO: withPair((client, _server, name) => {
    const bytes = needing("before Linux 6.5", ["ENOPROTOOPT", "EOPNOTSUPP"], () => get(client, name)) as Uint8Array;
    const info = Buffer.from(bytes);
    assert.equal(info.readUInt32LE(FULL_INFO.subflows), 1);
    const { token } = get(client, "MPTCP_INFO") as { token: number };
    assert.equal(info.readUInt32LE(FULL_INFO.info + MPTCP_INFO_STRUCT.mptcpi_token), token);
  }),
  MPTCP_INFO: withPair((client, server, name) => {
    client.sendSync("12345");
    assert.equal(String(server.recvSync(9)), "12345");
    const before = get(client, name) as { write_seq: bigint; token: number };
    client.sendSync("678");
    const after = get(client, name) as { write_seq: bigint; token: number };
    assert.equal(after.write_seq - before.write_seq, 3n);
    const theirs = get(server, name) as { token: number };
    assert.notEqual(after.token, theirs.token);
    until(() => (get(server, name) as { rcv_nxt: bigint }).rcv_nxt >= after.write_seq, "all received");
  }),
  MPTCP_SUBFLOW_ADDRS: withPair((client, server, name) => {
    const { address, port } = loopback(client, portOf(client));
    assert.deepEqual(get(client, name), [
      {
        local: { family: "inet", address, port },
        remote: { family: "inet", address, port: portOf(server) },
      },
    ]);
  }),
  MPTCP_TCPINFO: withPair((client, _server, name) => {
    const [subflow, ...others] = get(client, name) as { state: number; rtt: number }[];
    assert.equal(others.length, 0);
    assert.equal(subflow?.state, TCP_ESTABLISHED);
    assert.ok((subflow?.rtt ?? 0) > 0);
  }),
};
