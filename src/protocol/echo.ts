/**
 * Echo (RFC 862): whatever is sent comes back, over streams until the peer closes, over datagrams one for one.
 * Neither form keeps state, so one object serves every connection.
 */
import type { DatagramProtocol } from "./datagram.ts";
import type { StreamProtocol } from "./stream.ts";

/** Echo (RFC 862) over a stream: what comes goes back. */
export const echoStream: StreamProtocol = {
  data(out, bytes, start, end) {
    out.write(bytes, start, end);
  },
};

/** Echo (RFC 862) over datagrams: each goes back. */
export const echoDatagram: DatagramProtocol = {
  datagram(out, bytes, start, end) {
    out.reply(bytes, start, end);
  },
};
