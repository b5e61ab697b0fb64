/** Socket addresses as protocols see them. */
import { decodeSockaddr, type SocketAddress } from "../abi/index.ts";
import type { PeerAddress } from "../protocol/index.ts";
import { getpeername, getsockname } from "../sys/index.ts";

const SOCKADDR_STORAGE_BYTES = 128;
const scratch = new Uint8Array(SOCKADDR_STORAGE_BYTES);
const scratchLength = new Uint32Array(1);

/** The peer of a connected socket; nameless once the connection is gone. */
export function peerOf(fd: number): PeerAddress {
  return ask(getpeername, fd);
}

/** The address that a socket is bound to. */
export function localOf(fd: number): PeerAddress {
  return ask(getsockname, fd);
}

function ask(call: typeof getpeername, fd: number): PeerAddress {
  scratchLength[0] = SOCKADDR_STORAGE_BYTES;
  if (call(fd, scratch, scratchLength) < 0) return { family: "unix", address: "", port: 0 };
  return toPeerAddress(decodeSockaddr(scratch, 0, scratchLength[0]));
}

/** The three families that servers listen on; anything else has no name here. */
export function toPeerAddress(address: SocketAddress): PeerAddress {
  if (address.family === "inet" || address.family === "inet6") {
    return { family: address.family, address: address.address, port: address.port };
  }
  const path = address.family === "unix" && address.kind === "path" ? address.path : "";
  return { family: "unix", address: typeof path === "string" ? path : new TextDecoder().decode(path), port: 0 };
}
