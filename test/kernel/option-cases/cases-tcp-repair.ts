/** Level SOL_TCP: taking a connection apart and putting it together again, as checkpoints do. */
import assert from "node:assert/strict";
import { Socket } from "portolan";
import { TCP_RECV_QUEUE, TCP_REPAIR_OFF, TCP_REPAIR_OFF_NO_WP, TCP_REPAIR_ON, TCP_SEND_QUEUE } from "portolan/abi";
import { type CaseTable, codeOf, effect, get, needing, set, streamPair } from "./kit.ts";

const SEGMENT_SIZE_KIND = 2;

/** A client's end in repair mode. */
function repairing(run: (client: Socket, server: Socket) => void): void {
  const [client, server] = streamPair();
  using _client = client;
  using _server = server;
  needing("not permitted in this namespace", ["EPERM"], () => set(client, "TCP_REPAIR", TCP_REPAIR_ON));
  run(client, server);
}

/** The number of the next byte of a queue. */
function sequenceOf(client: Socket, queue: number): number {
  set(client, "TCP_REPAIR_QUEUE", queue);
  return get(client, "TCP_QUEUE_SEQ") as number;
}

export const cases: CaseTable = {
  TCP_QUEUE_SEQ: effect((name) => {
    repairing(() => {
      using socket = new Socket("inet", "stream");
      set(socket, "TCP_REPAIR", TCP_REPAIR_ON);
      for (const queue of [TCP_SEND_QUEUE, TCP_RECV_QUEUE]) {
        set(socket, "TCP_REPAIR_QUEUE", queue);
        set(socket, name, 0xdeadbeef);
        assert.equal(get(socket, name), 0xdeadbeef);
      }
    });
  }),
  TCP_REPAIR: effect((name) => {
    repairing((client, server) => {
      assert.equal(get(client, name), TCP_REPAIR_ON);
      const next = sequenceOf(client, TCP_SEND_QUEUE);
      set(client, "TCP_REPAIR_QUEUE", 0);
      set(client, name, TCP_REPAIR_OFF_NO_WP);
      assert.equal(get(client, name), TCP_REPAIR_OFF);
      client.sendSync("abc");
      assert.equal(String(server.recvSync(9)), "abc");
      set(client, name, TCP_REPAIR_ON);
      assert.equal(sequenceOf(client, TCP_SEND_QUEUE), (next + 3) >>> 0);
    });
  }),
  TCP_REPAIR_OPTIONS: effect((name) => {
    repairing((client) => {
      set(client, name, [{ kind: SEGMENT_SIZE_KIND, value: 999 }]);
      using closed = new Socket("inet", "stream");
      set(closed, "TCP_REPAIR", TCP_REPAIR_ON);
      // Of a socket without a connection there is nothing to repair yet.
      assert.equal(
        codeOf(() => set(closed, name, [{ kind: SEGMENT_SIZE_KIND, value: 999 }])),
        "EPERM",
      );
    });
  }),
  TCP_REPAIR_QUEUE: effect((name) => {
    repairing((client) => {
      for (const queue of [TCP_SEND_QUEUE, TCP_RECV_QUEUE]) {
        set(client, name, queue);
        assert.equal(get(client, name), queue);
      }
    });
  }),
  TCP_REPAIR_WINDOW: effect((name) => {
    repairing((client) => {
      const window = get(client, name) as { sendWindow: number; maxWindow: number; receiveWindow: number };
      assert.ok(window.sendWindow > 0 && window.receiveWindow > 0);
      set(client, name, { ...window, maxWindow: window.maxWindow + 1 });
      assert.deepEqual(get(client, name), { ...window, maxWindow: window.maxWindow + 1 });
    });
  }),
  TCP_TIMESTAMP: effect((name) => {
    repairing((client) => {
      set(client, name, 1_000_000);
      const now = get(client, name) as number;
      assert.ok(now >= 1_000_000 && now < 1_060_000, `${now}`);
    });
  }),
};
