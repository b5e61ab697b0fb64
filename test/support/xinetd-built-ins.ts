/** xinetd with its built-in services, on loopback: the same RFCs as ours by other hands. */
import { type ChildProcess, spawn } from "node:child_process";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { until } from "./until.ts";

export const BUILT_INS = ["echo", "discard", "chargen", "daytime", "time"] as const;
export type BuiltIn = (typeof BUILT_INS)[number];
export const TRANSPORTS = ["tcp", "udp"] as const;
export type BuiltInTransport = (typeof TRANSPORTS)[number];

const ATTEMPTS = 3;
const LOOPBACK = "127.0.0.1";
const PATIENCE_MS = 30_000;

export interface XinetdBuiltIns extends AsyncDisposable {
  endpoint(service: BuiltIn, transport: BuiltInTransport): string;
}

/** Starts all built-ins over both transports. xinetd takes no port 0, so free ports are chosen for it. */
export async function startXinetdBuiltIns(): Promise<XinetdBuiltIns> {
  for (let attempt = 1; ; attempt += 1) {
    const started = await start().catch((error: unknown) => {
      // Another program may have taken a port that was free a moment ago.
      if (attempt === ATTEMPTS) throw error;
    });
    if (started !== undefined) return started;
  }
}

async function start(): Promise<XinetdBuiltIns> {
  const folder = mkdtempSync(join(tmpdir(), "portolan-xinetd-"));
  const ports = await freePorts(BUILT_INS.length);
  const portOf = (service: BuiltIn): number => ports[BUILT_INS.indexOf(service)] as number;
  const file = join(folder, "xinetd.conf");
  const log = join(folder, "log");
  writeFileSync(file, configuration(log, portOf));
  const args = ["-f", file, "-dontfork", "-stayalive", "-pidfile", join(folder, "pid")];
  const child = spawn("xinetd", args, { stdio: "ignore" });
  const closed = once(child, "close");
  const end = async (): Promise<void> => {
    child.kill("SIGKILL");
    await closed;
    rmSync(folder, { recursive: true });
  };
  try {
    await until(() => {
      if (hasEnded(child)) throw new Error(`xinetd has ended: ${readFileSync(log, "latin1")}`);
      return BUILT_INS.every((service) => TRANSPORTS.every((transport) => isBound(transport, portOf(service))));
    }, PATIENCE_MS);
  } catch (error) {
    await end();
    throw error;
  }
  return {
    endpoint: (service, transport) => `${transport}://${LOOPBACK}:${portOf(service)}`,
    [Symbol.asyncDispose]: end,
  };
}

function hasEnded({ exitCode, signalCode }: ChildProcess): boolean {
  return exitCode !== null || signalCode !== null;
}

function configuration(log: string, portOf: (service: BuiltIn) => number): string {
  const services = BUILT_INS.flatMap((service) =>
    TRANSPORTS.map((transport) => {
      const [type, wait] = transport === "tcp" ? ["stream", "no"] : ["dgram", "yes"];
      return `service ${service}
{
  id = ${service}-${type}
  type = INTERNAL UNLISTED
  socket_type = ${type}
  protocol = ${transport}
  wait = ${wait}
  bind = ${LOOPBACK}
  port = ${portOf(service)}
}
`;
    }),
  );
  return `defaults\n{\n  log_type = FILE ${log}\n  instances = 100\n  cps = 10000 1\n}\n${services.join("")}`;
}

/** Whether a port of loopback is bound, from the kernel's table (proc(5)): asking by a datagram would be answered. */
function isBound(transport: BuiltInTransport, port: number): boolean {
  const end = `0100007F:${port.toString(16).toUpperCase().padStart(4, "0")}`;
  return readFileSync(`/proc/net/${transport}`, "latin1").includes(`: ${end} `);
}

/** Ports that are free for TCP and for UDP. */
async function freePorts(count: number): Promise<number[]> {
  const ports: number[] = [];
  const closes: (() => void)[] = [];
  while (ports.length < count) {
    const server = createServer().listen(0, LOOPBACK);
    await once(server, "listening");
    const { port } = server.address() as { port: number };
    const socket = createSocket("udp4");
    closes.push(
      () => server.close(),
      () => socket.close(),
    );
    socket.bind(port, LOOPBACK);
    const isFree = await Promise.race([
      once(socket, "listening").then(() => true),
      once(socket, "error").then(() => false),
    ]).catch(() => false);
    if (isFree) ports.push(port);
  }
  for (const close of closes) close();
  return ports;
}
