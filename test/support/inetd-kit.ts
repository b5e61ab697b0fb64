/** Super-servers in tests: services as a configuration would give them, and clients that read to the end. */

import { connect } from "portolan";
import {
  DEFAULT_GLOBAL,
  DEFAULT_SERVICE_LIMITS,
  type Inetd,
  type InetdConfig,
  type InetdOptions,
  type InetdService,
  type LogRecord,
  type ServedByProgram,
  type ServiceLimits,
  startInetd,
} from "portolan/inetd";
import { openThings } from "./leaks.ts";
import { until } from "./until.ts";

/** Generous, for a machine that is slow and busy. */
export const PATIENCE_MS = 30_000;

const PROGRAM: ServedByProgram = {
  kind: "program",
  path: "/bin/cat",
  argv: ["cat"],
  credentials: { user: undefined, group: undefined, hasGroups: false },
  directory: undefined,
  root: undefined,
  passEnvironment: undefined,
  environment: {},
  umask: undefined,
  nice: undefined,
  rlimits: {},
  activation: false,
  isErrorToSocket: true,
};

/** What a test says of a service; the rest is as a configuration would have it. */
export interface ServiceWish extends Partial<Omit<InetdService, "listen" | "limits" | "serves">> {
  readonly endpoint?: string;
  readonly listen?: Partial<InetdService["listen"]>;
  readonly limits?: Partial<ServiceLimits>;
  readonly program?: Partial<ServedByProgram>;
  readonly serves?: InetdService["serves"];
}

/** A service on a free port of IPv4, served by cat, if nothing else is said. */
export function serviceOf({ endpoint, listen, limits, program, ...rest }: ServiceWish = {}): InetdService {
  return {
    id: "test",
    name: "test",
    origin: { file: "test.conf", line: 1 },
    isDisabled: false,
    wait: false,
    serves: { ...PROGRAM, ...program },
    access: { onlyFrom: undefined, noAccess: [], times: [] },
    log: { target: undefined, onSuccess: ["PID", "HOST", "EXIT", "DURATION"], onFailure: ["HOST"] },
    banners: { always: undefined, onSuccess: undefined, onFailure: undefined },
    ...rest,
    listen: {
      type: "stream",
      endpoint: endpoint ?? "tcp://127.0.0.1:0",
      activatedName: undefined,
      backlog: 128,
      keepAlive: false,
      noDelay: false,
      v6Only: undefined,
      mode: undefined,
      ...listen,
    },
    limits: { ...DEFAULT_SERVICE_LIMITS, connectionsPerSecond: 100_000, ...limits },
  };
}

/** A shell's script as a program. */
export function shell(script: string): Partial<ServedByProgram> {
  return { path: "/bin/sh", argv: ["sh", "-c", script] };
}

export function configOf(...services: readonly InetdService[]): InetdConfig {
  return { services, global: { ...DEFAULT_GLOBAL, log: { kind: "none" } } };
}

/** A super-server with what it has put on record. */
export interface Started extends AsyncDisposable {
  readonly inetd: Inetd;
  readonly records: LogRecord[];
  /** Where the first service listens. */
  readonly endpoint: string;
  /** Waits for a record. */
  seen(entry: LogRecord["entry"], count?: number): Promise<LogRecord>;
}

export async function startServices(
  services: readonly InetdService[],
  options: Partial<InetdOptions> = {},
): Promise<Started> {
  const records: LogRecord[] = [];
  const inetd = await startInetd(configOf(...services), {
    access: () => undefined,
    record: (record) => records.push(record),
    ...options,
  });
  const errors = inetd.problems.filter(({ severity }) => severity === "error");
  if (errors.length > 0) {
    await inetd.stop();
    throw new Error(errors.map(({ message }) => message).join("; "));
  }
  return {
    inetd,
    records,
    endpoint: inetd.services[0]?.endpoint ?? "",
    async seen(entry, count = 1) {
      const found = (): LogRecord[] => records.filter((record) => record.entry === entry);
      await until(() => found().length >= count, PATIENCE_MS);
      return found()[count - 1] as LogRecord;
    },
    [Symbol.asyncDispose]: () => inetd.stop(),
  };
}

/** Connects, sends, half-closes, and reads all that comes. */
export async function ask(endpoint: string, text = ""): Promise<string> {
  using socket = await connect(endpoint, { timeoutMs: PATIENCE_MS });
  if (text !== "") await socket.sendAll(text);
  socket.shutdown("write");
  return await readAll(socket);
}

export async function readAll(socket: Awaited<ReturnType<typeof connect>>): Promise<string> {
  const parts: Buffer[] = [];
  for (;;) {
    const bytes = await socket.recv(65_536, { timeoutMs: PATIENCE_MS });
    if (bytes.length === 0) return Buffer.concat(parts).toString();
    parts.push(bytes);
  }
}

/** The children of this process, from outside. */
export function children(): string[] {
  return [...openThings()].filter(([key]) => key.startsWith("child ")).map(([key, what]) => `${key}: ${what}`);
}
