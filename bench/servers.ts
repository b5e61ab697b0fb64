/**
 * Who is measured, as data: a further design, backend or peer is one more row.
 */

/**
 * What a server is asked for; `inetd` stands for a super-server whose programs answer over TCP, `metrics` for the same
 * server over TCP with and without metrics.
 */
export type Transport = "tcp" | "udp" | "inetd" | "metrics";

export interface Server {
  /** Unique within its transport; `--only` names it. */
  readonly name: string;
  readonly kind: "ours" | "peer";
  readonly transport: Transport;
  /** What it is, in half a line, for `--list`. */
  readonly about: string;
  readonly command: (programs: Programs) => readonly string[];
  /** Reads the port out of a line of standard output; undefined for other lines. */
  readonly port: (line: string) => number | undefined;
  /** Reads where its metrics are, of a later line. Absent: it has none. */
  readonly metrics?: (line: string) => string | undefined;
}

/** Where the programs are; an absent one makes the servers that need it unavailable, with the reason. */
export interface Programs {
  readonly node: string;
  /** @throws Error if there is no Bun. */
  readonly bun: () => string;
  /** The command line of this project, built. @throws Error if it is not there. */
  readonly portolan: () => string;
  /** @throws Error if it is not installed. */
  readonly xinetd: () => string;
  /** A program built from bench/native. */
  readonly native: (name: string) => string;
  /** A script from bench/peers. */
  readonly script: (name: string) => string;
}

export const servers: readonly Server[] = [
  ours("portolan-epoll", "tcp", "epoll"),
  ours("portolan-epoll-et", "tcp", "epoll-et"),
  ours("portolan-uring", "tcp", "uring"),
  ours("portolan-epoll-in-node", "tcp", "epoll", "--in-node"),
  ours("portolan-uring-in-node", "tcp", "uring", "--in-node"),
  {
    name: "portolan-net",
    kind: "ours",
    transport: "tcp",
    about: "portolan/net, the same program as node-net",
    command: (programs) => [programs.node, programs.script("portolan-net-echo.mjs"), "0"],
    port: listeningPort,
  },
  {
    name: "c-epoll",
    kind: "peer",
    transport: "tcp",
    about: "C, one thread, level-triggered epoll",
    command: (programs) => [programs.native("c-epoll-echo"), "0"],
    port: listeningPort,
  },
  {
    name: "c-uring",
    kind: "peer",
    transport: "tcp",
    about: "C, one thread, io_uring: multishot receives, one enter per pass",
    command: (programs) => [programs.native("c-uring-echo"), "0"],
    port: listeningPort,
  },
  {
    name: "node-net",
    kind: "peer",
    transport: "tcp",
    about: "node:net with noDelay",
    command: (programs) => [programs.node, programs.script("node-net-echo.mjs"), "0"],
    port: listeningPort,
  },
  {
    name: "bun",
    kind: "peer",
    transport: "tcp",
    about: "Bun.listen",
    command: (programs) => [programs.bun(), programs.script("bun-tcp-echo.mjs"), "0"],
    port: listeningPort,
  },
  ours("portolan-epoll", "udp", "epoll"),
  ours("portolan-epoll-in-node", "udp", "epoll", "--in-node"),
  {
    name: "portolan-dgram",
    kind: "ours",
    transport: "udp",
    about: "portolan/dgram, the same program as node-dgram",
    command: (programs) => [programs.node, programs.script("portolan-dgram-echo.mjs"), "0"],
    port: listeningPort,
  },
  {
    name: "c-recvfrom",
    kind: "peer",
    transport: "udp",
    about: "C, blocking recvfrom and sendto",
    command: (programs) => [programs.native("c-udp-echo"), "0"],
    port: listeningPort,
  },
  {
    name: "c-udp-runs",
    kind: "peer",
    transport: "udp",
    about: "C, batches of runs: recvmmsg with UDP_GRO, sendmmsg with UDP_SEGMENT",
    command: (programs) => [programs.native("c-udp-runs"), "0"],
    port: listeningPort,
  },
  {
    name: "node-dgram",
    kind: "peer",
    transport: "udp",
    about: "node:dgram",
    command: (programs) => [programs.node, programs.script("node-dgram-echo.mjs"), "0"],
    port: listeningPort,
  },
  {
    name: "bun",
    kind: "peer",
    transport: "udp",
    about: "Bun.udpSocket",
    command: (programs) => [programs.bun(), programs.script("bun-udp-echo.mjs"), "0"],
    port: listeningPort,
  },
  { ...ours("with-metrics", "metrics", "epoll", "--metrics", "0"), metrics: metricsUrl },
  { ...ours("without-metrics", "metrics", "epoll"), kind: "peer" },
  // What the same server differs from itself by: no smaller difference means anything.
  ours("without-metrics-again", "metrics", "epoll"),
  {
    name: "portolan-inetd",
    kind: "ours",
    transport: "inetd",
    about: "portolan inetd, with an xinetd.conf",
    command: (programs) =>
      superServer(programs, programs.node, programs.portolan(), "inetd", "--config", "CONFIG", "--json"),
    port: listeningPort,
  },
  {
    name: "xinetd",
    kind: "peer",
    transport: "inetd",
    about: "xinetd, with the same xinetd.conf",
    command: (programs) =>
      superServer(programs, programs.xinetd(), "-dontfork", "-f", "CONFIG", "-pidfile", "FOLDER/pid"),
    port: listeningPort,
  },
];

/** A super-server under the same configuration as every other, and with its own log of every connection. */
function superServer(programs: Programs, ...command: readonly string[]): string[] {
  const script = programs.script("super-server.mjs");
  return [programs.node, script, programs.native("launch"), programs.native("answer"), ...command];
}

/** A row for this project's own echo under one design. */
function ours(name: string, transport: Transport, design: string, ...more: readonly string[]): Server {
  const listen = `${transport === "udp" ? "udp" : "tcp"}://127.0.0.1:0`;
  return {
    name,
    kind: "ours",
    transport,
    about: ["portolan serve echo --design", design, ...more].join(" "),
    command: (programs) => [
      programs.node,
      programs.portolan(),
      "serve",
      "echo",
      "--design",
      design,
      "--listen",
      listen,
      "--json",
      ...more,
    ],
    port: endpointPort,
  };
}

/** The peers print `listening PORT`. */
export function listeningPort(line: string): number | undefined {
  const match = /^listening (\d+)$/.exec(line);
  return match ? Number(match[1]) : undefined;
}

/** The project's command prints `{"event":"listening","endpoint":"tcp://127.0.0.1:PORT",...}`. */
export function endpointPort(line: string): number | undefined {
  const match = /:(\d+)$/.exec(toldBy(line, "listening", "endpoint") ?? "");
  return match ? Number(match[1]) : undefined;
}

/** And `{"event":"metrics","url":"http://127.0.0.1:PORT/metrics",...}`. */
export function metricsUrl(line: string): string | undefined {
  return toldBy(line, "metrics", "url");
}

/** A text of an event; undefined for other lines. */
function toldBy(line: string, event: string, name: string): string | undefined {
  let told: unknown;
  try {
    told = JSON.parse(line);
  } catch {
    return undefined;
  }
  if (typeof told !== "object" || told === null) return undefined;
  const fields = told as Readonly<Record<string, unknown>>;
  const text = fields.event === event ? fields[name] : undefined;
  return typeof text === "string" ? text : undefined;
}
