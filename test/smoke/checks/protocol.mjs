/** Echo as a state machine: bytes in, bytes out, no socket. */
import assert from "node:assert/strict";
import { echoDatagram, echoStream } from "portolan/protocol";

const sent = new TextEncoder().encode("to be echoed");

export const checks = [
  {
    name: "echo answers a stream with what it said",
    run() {
      const written = [];
      const out = { write: (bytes, start, end) => written.push(...bytes.subarray(start, end)) > 0 };
      echoStream.data(out, sent, 3, 5);
      assert.deepEqual(written, [...sent.subarray(3, 5)]);
    },
  },
  {
    name: "echo answers a datagram with a datagram",
    run() {
      const replies = [];
      const out = { reply: (bytes, start, end) => replies.push([...bytes.subarray(start, end)]) };
      echoDatagram.datagram(out, sent, 0, sent.length, sent.length);
      assert.deepEqual(replies, [[...sent]]);
    },
  },
];
