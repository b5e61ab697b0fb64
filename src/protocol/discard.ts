/** Discard (RFC 863): whatever is sent is thrown away, and nothing ever comes back. No state, one object for all. */
import type { DatagramProtocol } from "./datagram.ts";
import type { StreamProtocol } from "./stream.ts";

export const discardStream: StreamProtocol = {
  data() {},
};

export const discardDatagram: DatagramProtocol = {
  datagram() {},
};
