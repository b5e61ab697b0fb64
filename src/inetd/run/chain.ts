/**
 * As whom, where and within which bounds a program runs: small tools of the system, each of which changes one thing of its own
 * process and becomes the next: `nice`, `prlimit`, `setpriv`, `chroot`, `env`. Arguments are passed as they are; there is no
 * shell that could read them otherwise. What is not asked for adds nothing.
 */
import { execFile } from "node:child_process";
import { accessSync, constants, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { promisify } from "node:util";
import { systemHost } from "../config/host-world.ts";
import type { ConfigProblem, InetdService, RLimits, ServedByProgram } from "../model.ts";
import { ServiceProblem } from "./host.ts";

const run = promisify(execFile);

/** A command: what is executed, and all its arguments, its name first. */
export interface Command {
  readonly path: string;
  readonly argv: readonly string[];
}

/** The tools, and the Debian packages that they come with. */
const PACKAGES = {
  chroot: "coreutils",
  env: "coreutils",
  nice: "coreutils",
  prlimit: "util-linux",
  setpriv: "util-linux",
};
/** Inside a new root. */
const ENV = "/usr/bin/env";
type Tool = keyof typeof PACKAGES;

const TOOL_FOLDERS = ["/usr/sbin", "/usr/bin", "/sbin", "/bin"];
const LOOKUP_TIMEOUT_MS = 10_000;

/** Capabilities by their bits: capabilities(7). */
const CAP_SETGID = 6;
const CAP_SETUID = 7;
const CAP_SYS_CHROOT = 18;

/** prlimit's names, by ours. */
const LIMIT_FLAGS: Readonly<Record<keyof RLimits, string>> = {
  addressSpaceBytes: "--as",
  coreBytes: "--core",
  cpuSeconds: "--cpu",
  dataBytes: "--data",
  fileSizeBytes: "--fsize",
  openFiles: "--nofile",
  processes: "--nproc",
  stackBytes: "--stack",
};

/**
 * LISTEN_PID has to be the program's own number, which is known only in its process: this constant script puts it there and
 * becomes the rest of the chain, which it is given as parameters.
 */
const ACTIVATION = 'LISTEN_PID=$$ LISTEN_FDS=1; export LISTEN_PID LISTEN_FDS; exec "$@"';

/**
 * @param warn told of a user or group that this process may not change to. As with xinetd, the program runs as this process
 * does then: who is not root has nothing to give up.
 * @throws ServiceProblem for a user that there is not, a tool that is missing, or what this process may not do.
 */
export async function buildChain(
  service: InetdService,
  program: ServedByProgram,
  warn: (problem: ConfigProblem) => void,
): Promise<Command> {
  const { nice, rlimits, root, directory, activation } = program;
  const steps: string[][] = [];
  if (activation) steps.push(["/bin/sh", "-c", ACTIVATION, "sh"]);
  if (nice !== undefined) steps.push([tool(service, "nice"), "-n", String(nice)]);
  const limits = limitFlags(rlimits);
  if (limits.length > 0) steps.push([tool(service, "prlimit"), ...limits]);
  const identity = await identityOf(service, program, warn);
  if (root !== undefined) {
    needChroot(service);
    steps.push([tool(service, "chroot"), ...chrootFlags(identity), root]);
    // Inside the new root, where the tool has to be as well.
    if (directory !== undefined) {
      needEnv(service, root);
      steps.push([ENV, `--chdir=${directory}`]);
    }
  } else if (identity !== undefined) {
    steps.push([tool(service, "setpriv"), ...setprivFlags(identity)]);
  }
  if (steps.length === 0) return { path: program.path, argv: program.argv };
  const words = steps.flat();
  const [path = ""] = words;
  return { path, argv: [basename(path), ...words.slice(1), program.path, ...program.argv.slice(1)] };
}

/** The whole path of a tool, so that the program's own PATH does not matter. @throws ServiceProblem */
function tool({ id, origin }: InetdService, name: Tool): string {
  for (const folder of TOOL_FOLDERS) {
    const path = join(folder, name);
    try {
      accessSync(path, constants.X_OK);
      return path;
    } catch {
      // The next.
    }
  }
  const where = `is not in ${TOOL_FOLDERS.join(", ")}`;
  throw new ServiceProblem(origin, `${id} needs ${name}, which ${where}`, `install the package ${PACKAGES[name]}`);
}

function limitFlags(rlimits: RLimits): string[] {
  return Object.entries(rlimits).flatMap(([name, value]) => {
    if (value === undefined) return [];
    const text = value === Number.POSITIVE_INFINITY ? "unlimited" : String(value);
    return [`${LIMIT_FLAGS[name as keyof RLimits]}=${text}:${text}`];
  });
}

interface Identity {
  readonly uid: number;
  readonly gid: number;
  /** Supplementary groups. */
  readonly groups: readonly number[];
}

/** Undefined where the program runs as this process does. */
async function identityOf(
  service: InetdService,
  { credentials }: ServedByProgram,
  warn: (problem: ConfigProblem) => void,
): Promise<Identity | undefined> {
  const { user, group, hasGroups, isOwnGroupLeft = false } = credentials;
  if (user === undefined && group === undefined) return undefined;
  const own = { uid: process.geteuid?.() ?? 0, gid: process.getegid?.() ?? 0 };
  const account = user === undefined ? own : await lookUpUser(service, user);
  const gid = group === undefined ? account.gid : await lookUpGroup(service, group);
  const all = hasGroups && user !== undefined ? await groupsOf(service, user) : [];
  const groups = isOwnGroupLeft ? all.filter((number) => number !== account.gid || number === gid) : all;
  const extra = process.getgroups?.().filter((number) => number !== own.gid) ?? [];
  const isSame = account.uid === own.uid && gid === own.gid && groups.every((number) => number === gid);
  // Who is not root has no other groups than that user's own, and may not give them up.
  if (isSame && (extra.length === 0 || own.uid !== 0)) return undefined;
  const isAnother = account.uid !== own.uid;
  if ((isAnother && !hasCapability(CAP_SETUID)) || !hasCapability(CAP_SETGID)) {
    const who = isAnother ? `the user ${user}` : `the group ${group ?? gid}`;
    const message = `${service.id} runs as you, and not as ${who}: to change takes ${isAnother ? "CAP_SETUID" : "CAP_SETGID"}`;
    warn({ origin: service.origin, severity: "warning", message, cure: "run as root for that" });
    return undefined;
  }
  return { uid: account.uid, gid, groups };
}

function setprivFlags({ uid, gid, groups }: Identity): string[] {
  const supplementary = groups.length === 0 ? "--clear-groups" : `--groups=${groups.join(",")}`;
  return [`--reuid=${uid}`, `--regid=${gid}`, supplementary];
}

function chrootFlags(identity: Identity | undefined): string[] {
  if (identity === undefined) return [];
  return [`--userspec=+${identity.uid}:+${identity.gid}`, `--groups=${identity.groups.join(",")}`];
}

async function lookUpUser(service: InetdService, user: string): Promise<{ uid: number; gid: number }> {
  const fields = (await database("passwd", user))?.split(":");
  const [, , uid, gid] = fields ?? [];
  if (uid !== undefined && gid !== undefined) return { uid: Number(uid), gid: Number(gid) };
  throw new ServiceProblem(service.origin, `${service.id}: there is no user ${user}`, "name one of getent passwd");
}

async function lookUpGroup(service: InetdService, group: string): Promise<number> {
  const gid = (await database("group", group))?.split(":")[2];
  if (gid !== undefined) return Number(gid);
  if (/^\d+$/.test(group)) return Number(group);
  throw new ServiceProblem(service.origin, `${service.id}: there is no group ${group}`, "name one of getent group");
}

async function groupsOf(service: InetdService, user: string): Promise<number[]> {
  try {
    const { stdout } = await run("id", ["-G", "--", user], { timeout: LOOKUP_TIMEOUT_MS });
    return stdout.trim().split(/\s+/).map(Number);
  } catch (error) {
    const message = `${service.id}: the groups of ${user} cannot be found: ${(error as Error).message}`;
    throw new ServiceProblem(service.origin, message, undefined, { cause: error });
  }
}

/** An entry of the system's databases, wherever it keeps them; undefined for none. nsswitch.conf(5) */
async function database(name: "group" | "passwd", key: string): Promise<string | undefined> {
  try {
    const { stdout } = await run("getent", [name, "--", key], { timeout: LOOKUP_TIMEOUT_MS });
    return stdout.split("\n")[0];
  } catch {
    // Not there; or no getent, as with musl: the file itself.
    const lines = readFileSync(`/etc/${name}`, "utf8").split("\n");
    return lines.find((line) => line.split(":")[0] === key || line.split(":")[2] === key);
  }
}

/** @throws ServiceProblem where this process may not change its root. */
function needChroot({ id, origin }: InetdService): void {
  if (hasCapability(CAP_SYS_CHROOT)) return;
  throw new ServiceProblem(
    origin,
    `${id} wants a new root, which takes CAP_SYS_CHROOT`,
    "run as root, or leave it out",
  );
}

/** @throws ServiceProblem where a new root lacks what changes to the program's folder in it. */
function needEnv({ id, origin }: InetdService, root: string): void {
  const fault = systemHost().faultOfProgram(ENV, root);
  if (fault === undefined) return;
  const cure = "put it there, or leave the program's folder out";
  throw new ServiceProblem(origin, `${id} needs ${ENV} in ${root}, and it ${fault}`, cure);
}

function hasCapability(bit: number): boolean {
  const effective = readFileSync("/proc/self/status", "utf8").match(/^CapEff:\s*(\w+)/m)?.[1] ?? "0";
  return ((BigInt(`0x${effective}`) >> BigInt(bit)) & 1n) === 1n;
}
