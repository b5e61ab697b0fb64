/**
 * Activation by descriptors: a manager binds and listens, and starts the program with the sockets from descriptor 3 up. The
 * environment says so: LISTEN_FDS how many, LISTEN_PID for whom, LISTEN_FDNAMES what they are called. sd_listen_fds(3)
 */
import type { ChildProcess } from "node:child_process";
import { EBADF, ENOTSOCK, F_SETFD, FD_CLOEXEC } from "../abi/index.ts";
import { fcntl } from "../sys/index.ts";
import { MAX_INHERITED, type SpawnWithSocketsOptions, spawnWithSockets } from "./descriptors-spawn.ts";
import type { Descriptor } from "./descriptors-state.ts";
import { isSystemError, SystemError } from "./errors.ts";
import { Socket } from "./socket.ts";

/** A descriptor that this process was started with. */
export interface ActivatedSocket {
  /** What the manager calls it; `"unknown"` where it does not. */
  readonly name: string;
  readonly fd: number;
  /** The socket, which owns the descriptor; undefined for a descriptor that is none, such as a pipe: the caller closes it. */
  readonly socket: Socket | undefined;
}

/** How to start a program with activated sockets. */
export interface SpawnActivatedOptions extends Omit<SpawnWithSocketsOptions, "argv0" | "shell" | "sockets"> {
  /** LISTEN_FDNAMES: a name for each socket, without colons. */
  readonly names?: readonly string[] | undefined;
}

/** SD_LISTEN_FDS_START */
const FIRST_FD = 3;
const UNNAMED = "unknown";
const VARIABLES = ["LISTEN_FDS", "LISTEN_FDNAMES", "LISTEN_PID", "LISTEN_PIDFDID"] as const;
const MAX_NAME_LENGTH = 255;
/** Printable ASCII but the colon, which separates names. */
const NAME = /^[ -9;-~]*$/;
/**
 * LISTEN_PID has to be the program's own number, which is known only in its process. The shell is that process: it puts its
 * number into the environment, and the program takes its place. Command and arguments are parameters, never script text.
 */
const TRAMPOLINE = 'LISTEN_PID=$$; export LISTEN_PID; exec "$@"';

/**
 * Takes over the sockets that this process was started with, if it was: systemd's `.socket` units, `systemd-socket-activate`
 * and {@link spawnActivated} do so. None if LISTEN_PID names another process: the variables were meant for a parent.
 *
 *     const [activated] = activatedSockets();
 *     const listener = activated?.socket ?? (await listen("tcp://127.0.0.1:7007"));
 *
 * Call it once, in the main thread, early: it makes the descriptors close-on-exec and removes the variables, so that
 * children do not take them for theirs.
 * @throws TypeError for variables that make no sense; SystemError EBADF when a descriptor that was promised is not there.
 */
export function activatedSockets(): ActivatedSocket[] {
  const { LISTEN_FDS, LISTEN_FDNAMES, LISTEN_PID } = process.env;
  for (const variable of VARIABLES) delete process.env[variable];
  if (LISTEN_PID === undefined || LISTEN_FDS === undefined) return [];
  if (readCount("LISTEN_PID", LISTEN_PID, Number.MAX_SAFE_INTEGER) !== process.pid) return [];
  const count = readCount("LISTEN_FDS", LISTEN_FDS, MAX_INHERITED);
  const names = LISTEN_FDNAMES === undefined || LISTEN_FDNAMES === "" ? undefined : LISTEN_FDNAMES.split(":");
  if (names !== undefined && names.length !== count) {
    throw new TypeError(`LISTEN_FDNAMES has ${names.length} names for the ${count} descriptors of LISTEN_FDS`);
  }
  const fds = Array.from({ length: count }, (_, index) => FIRST_FD + index);
  for (const fd of fds) {
    const cause = "LISTEN_FDS promises this descriptor, and it is not open";
    if (fcntl(fd, F_SETFD, FD_CLOEXEC) < 0)
      throw new SystemError("fcntl", EBADF, { subject: `descriptor ${fd}`, cause });
  }
  return fds.map((fd, index) => ({ name: names?.[index] ?? UNNAMED, fd, socket: toSocket(fd) }));
}

/**
 * Starts a program with sockets as systemd does: descriptors 3 and up, LISTEN_FDS, LISTEN_PID and LISTEN_FDNAMES.
 *
 *     using listener = await listen("tcp://127.0.0.1:7007");
 *     const child = spawnActivated("my-server", [], [listener], { names: ["http"] });
 *
 * As for {@link spawnWithSockets}, sockets stay open here and become blocking unless `blocking` is false. The program is
 * started through `sh`, without its text reaching the shell; one that does not exist ends with status 127.
 * @throws TypeError or RangeError for what cannot be given; SystemError EBADF for what is closed.
 */
export function spawnActivated(
  command: string,
  args: readonly string[],
  sockets: readonly Descriptor[],
  options: SpawnActivatedOptions = {},
): ChildProcess {
  const { names, env = process.env, ...rest } = options;
  const environment: NodeJS.ProcessEnv = { ...env };
  for (const variable of VARIABLES) delete environment[variable];
  environment.LISTEN_FDS = String(sockets.length);
  if (names !== undefined) environment.LISTEN_FDNAMES = joinNames(names, sockets.length);
  const trampoline = ["-c", TRAMPOLINE, "sh", command, ...args];
  return spawnWithSockets("/bin/sh", trampoline, { ...rest, env: environment, sockets });
}

function readCount(variable: string, text: string, max: number): number {
  const number = /^[0-9]{1,15}$/.test(text) ? Number(text) : Number.NaN;
  if (number <= max) return number;
  throw new TypeError(`${variable} is ${JSON.stringify(text)}; it ought to be a whole number, ${max} at most`);
}

function joinNames(names: readonly string[], count: number): string {
  if (names.length !== count) throw new RangeError(`there are ${names.length} names for ${count} sockets`);
  for (const name of names) {
    if (name.length <= MAX_NAME_LENGTH && NAME.test(name)) continue;
    const rule = `printable ASCII without a colon, ${MAX_NAME_LENGTH} characters at most`;
    throw new TypeError(`${JSON.stringify(name)} cannot be a name in LISTEN_FDNAMES: it has to be ${rule}`);
  }
  return names.join(":");
}

function toSocket(fd: number): Socket | undefined {
  try {
    return Socket.from(fd);
  } catch (error) {
    if (isSystemError(error) && error.errno === -ENOTSOCK) return undefined;
    throw error;
  }
}
