/** Application protocols as pure state machines: no room below, no I/O, no Node. */
export type { DatagramIntents, DatagramProtocol, DatagramProtocolFactory } from "./datagram.ts";
export { echoDatagram, echoStream } from "./echo.ts";
export type { PeerAddress, StreamIntents, StreamProtocol, StreamProtocolFactory } from "./stream.ts";
