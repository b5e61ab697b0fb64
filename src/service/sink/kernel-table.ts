/** The kernel's table of TCP sockets, as /proc/net/tcp shows it (proc_net_tcp.rst of the kernel's documentation). */
import { readFileSync } from "node:fs";
import { AF_INET, AF_INET6, inet_ntop } from "../../abi/index.ts";

/** Rows that are looked at: more than a port of a demonstration ever has. */
const MAX_ROWS = 4096;

export interface TcpRow {
  readonly state: string;
  readonly local: TcpEnd;
  readonly remote: TcpEnd;
  /** Bytes that the peer has not acknowledged; of a listener, its backlog is not shown here. */
  readonly txQueue: number;
  /** Bytes that nobody has read yet; of a listener, connections that wait to be accepted. */
  readonly rxQueue: number;
}

export interface TcpEnd {
  readonly address: string;
  readonly port: number;
}

/** include/net/tcp_states.h */
const STATES = [
  "",
  "ESTABLISHED",
  "SYN_SENT",
  "SYN_RECV",
  "FIN_WAIT1",
  "FIN_WAIT2",
  "TIME_WAIT",
  "CLOSE",
  "CLOSE_WAIT",
  "LAST_ACK",
  "LISTEN",
  "CLOSING",
  "NEW_SYN_RECV",
];

/** The sockets of this machine that have a port at either end: the listener, its connections, and their other ends. */
export function socketsOfPort(port: number): TcpRow[] {
  return ["/proc/net/tcp", "/proc/net/tcp6"]
    .flatMap((path) => parseTcpTable(readTable(path)))
    .filter(({ local, remote }) => local.port === port || remote.port === port)
    .slice(0, MAX_ROWS);
}

/** The rows of such a table; lines of another form are passed over. */
export function parseTcpTable(text: string): TcpRow[] {
  const rows: TcpRow[] = [];
  for (const line of text.split("\n")) {
    const [, local = "", remote = "", state = "", queues = ""] = line.trim().split(/\s+/);
    const [txQueue, rxQueue] = queues.split(":");
    const from = endOf(local);
    const to = endOf(remote);
    if (from === undefined || to === undefined || txQueue === undefined || rxQueue === undefined) continue;
    rows.push({
      state: STATES[Number.parseInt(state, 16)] ?? state,
      local: from,
      remote: to,
      txQueue: Number.parseInt(txQueue, 16),
      rxQueue: Number.parseInt(rxQueue, 16),
    });
  }
  return rows;
}

function readTable(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    // A kernel without IPv6 has no such table.
    return "";
  }
}

/** `0100007F:1F90`: the address as words in the machine's order, the port as a number. */
function endOf(text: string): TcpEnd | undefined {
  const [, hex = "", port = ""] = /^([0-9A-F]{8}|[0-9A-F]{32}):([0-9A-F]{4})$/.exec(text) ?? [];
  if (hex === "") return undefined;
  const bytes = Buffer.from(hex, "hex");
  // Both of our architectures are little-endian.
  bytes.swap32();
  const address = inet_ntop(bytes.length === 4 ? AF_INET : AF_INET6, bytes);
  return { address: address ?? "", port: Number.parseInt(port, 16) };
}
