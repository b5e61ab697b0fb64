/** What waits in the kernel at a server's sockets, and what was dropped there: asked of the sockets themselves. */
import {
  decodeTcpInfo,
  SK_MEMINFO_DROPS,
  SK_MEMINFO_RCVBUF,
  SK_MEMINFO_RMEM_ALLOC,
  SK_MEMINFO_VARS,
  SO_MEMINFO,
  SOL_SOCKET,
  SOL_TCP,
  TCP_INFO,
  TCP_INFO_BYTES,
} from "../abi/index.ts";
import { getsockopt } from "../sys/index.ts";
import type { Kind } from "./task.ts";

/** The queue before a server, of all its sockets together. */
export interface KernelQueue {
  /** Connections that wait to be accepted (TCP), or bytes of datagrams that wait to be read. */
  readonly waiting: number;
  /** How many may wait. Beyond that connection attempts and datagrams are dropped. */
  readonly limit: number;
  /** Connection attempts or datagrams that the kernel has dropped here since the sockets were made. */
  readonly dropped: number;
}

/**
 * What waits at listening TCP sockets or at datagram sockets. SO_MEMINFO is of Linux 4.12; before, and of unix stream
 * sockets, nothing is known.
 */
export function readKernelQueue(fds: readonly number[], kind: Kind): KernelQueue | undefined {
  let waiting = 0;
  let limit = 0;
  let dropped = 0;
  for (const fd of fds) {
    const memory = new Uint32Array(SK_MEMINFO_VARS);
    if (!read(fd, SOL_SOCKET, SO_MEMINFO, memory)) return undefined;
    dropped += memory[SK_MEMINFO_DROPS] as number;
    if (kind === "datagram") {
      waiting += memory[SK_MEMINFO_RMEM_ALLOC] as number;
      limit += memory[SK_MEMINFO_RCVBUF] as number;
      continue;
    }
    const bytes = new Uint8Array(TCP_INFO_BYTES);
    if (!read(fd, SOL_TCP, TCP_INFO, bytes)) return undefined;
    // Of a socket that listens, these two have another meaning: the length of its queue, and how long that may be.
    const { unacked = 0, sacked = 0 } = decodeTcpInfo(bytes);
    waiting += unacked;
    limit += sacked;
  }
  return { waiting, limit, dropped };
}

function read(fd: number, level: number, option: number, into: Uint8Array | Uint32Array): boolean {
  return getsockopt(fd, level, option, into, new Uint32Array([into.byteLength])) >= 0;
}
