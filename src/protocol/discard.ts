/** Discard (RFC 863): whatever is sent is thrown away, and nothing ever comes back. No state, one object for all. */
import type { DatagramProtocol } from "./datagram.ts";
import type { StreamProtocol } from "./stream.ts";

/** Discard (RFC 863) over a stream: what comes is thrown away. */
export const discardStream: StreamProtocol = {
  data() {},
};

/** Discard (RFC 863) over datagrams: what comes is thrown away. */
export const discardDatagram: DatagramProtocol = {
  datagram() {},
};
