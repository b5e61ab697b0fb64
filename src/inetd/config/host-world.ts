/** What this machine has of what configurations name: programs, accounts, capabilities. Tests have a machine of their own. */
import { execFileSync } from "node:child_process";
import { accessSync, constants, readFileSync, readlinkSync, statSync } from "node:fs";
import { join } from "node:path";

/** Capabilities by their bits: capabilities(7). */
export const CAPABILITIES = { CAP_SETGID: 6, CAP_SETUID: 7, CAP_NET_BIND_SERVICE: 10, CAP_SYS_CHROOT: 18 } as const;
export type Capability = keyof typeof CAPABILITIES;

/** What a check asks of a machine. */
export interface HostWorld {
  /** Why a path, in a new root if there is one, is no program; undefined for one that may be executed. */
  faultOfProgram(path: string, root?: string): string | undefined;
  /** Why a path is no file that can be read; undefined for one that can. */
  faultOfFile(path: string): string | undefined;
  /** Whether a path is a folder's. */
  isFolder(path: string): boolean;
  /** Whether the account's database has a name or a number. */
  hasAccount(database: "group" | "passwd", key: string): boolean;
  /** Whether one of the folders that tools are looked for in has it. */
  hasTool(name: string): boolean;
  /** Whether this process has it in effect. */
  hasCapability(name: Capability): boolean;
  /** The lowest port that takes no capability: ip(7). */
  readonly firstFreePort: number;
  /** Whether an account is the one that this process runs as. */
  isOwnAccount(user: string): boolean;
}

/** As the super-server looks for them, whatever PATH is. */
const TOOL_FOLDERS = ["/usr/sbin", "/usr/bin", "/sbin", "/bin"];
const LOOKUP_TIMEOUT_MS = 10_000;
const DEFAULT_FIRST_FREE_PORT = 1024;

/** The machine that this runs on. */
export function systemHost(): HostWorld {
  const accounts = new Map<string, readonly string[] | undefined>();
  const account = (database: "group" | "passwd", key: string): readonly string[] | undefined => {
    const place = `${database}:${key}`;
    if (!accounts.has(place)) accounts.set(place, lookUp(database, key));
    return accounts.get(place);
  };
  return {
    faultOfProgram(path, root = "") {
      const inside = insideRoot(root, path);
      const found = statOf(inside);
      if (found === undefined) return "is not there";
      if (!found.isFile()) return "is no file";
      return may(inside, constants.X_OK) ? undefined : "may not be executed";
    },
    faultOfFile(path) {
      const found = statOf(path);
      if (found === undefined) return "is not there";
      if (!found.isFile()) return "is no file";
      return may(path, constants.R_OK) ? undefined : "may not be read";
    },
    isFolder: (path) => statOf(path)?.isDirectory() === true,
    // A group may also be a number that no database has.
    hasAccount: (database, key) =>
      account(database, key) !== undefined || (database === "group" && /^[0-9]+$/.test(key)),
    hasTool: (name) => TOOL_FOLDERS.some((folder) => may(join(folder, name), constants.X_OK)),
    hasCapability: (name) => ((effectiveCapabilities() >> BigInt(CAPABILITIES[name])) & 1n) === 1n,
    get firstFreePort() {
      const text = textOf("/proc/sys/net/ipv4/ip_unprivileged_port_start");
      return text === undefined ? DEFAULT_FIRST_FREE_PORT : Number(text);
    },
    isOwnAccount: (user) => account("passwd", user)?.[2] === String(process.geteuid?.()),
  };
}

/** A path in a new root, from outside: a link there to an absolute path, as busybox makes them, stays in that root. */
function insideRoot(root: string, path: string): string {
  const whole = `${root}${path}`;
  if (root === "") return whole;
  try {
    const target = readlinkSync(whole);
    return target.startsWith("/") ? `${root}${target}` : whole;
  } catch {
    // No link, or not there.
    return whole;
  }
}

function statOf(path: string): ReturnType<typeof statSync> | undefined {
  try {
    return statSync(path);
  } catch {
    // A folder on the way may not be looked into, or is none: not there for us.
    return undefined;
  }
}

function may(path: string, mode: number): boolean {
  try {
    accessSync(path, mode);
    return true;
  } catch {
    return false;
  }
}

function textOf(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
}

function effectiveCapabilities(): bigint {
  return BigInt(`0x${textOf("/proc/self/status")?.match(/^CapEff:\s*(\w+)/m)?.[1] ?? "0"}`);
}

/** The fields of an account, wherever the system keeps it; undefined for none. nsswitch.conf(5) */
function lookUp(database: "group" | "passwd", key: string): readonly string[] | undefined {
  // Neither getent nor the files have names with these, and no argument may have a NUL.
  if (/[\0\n:]/.test(key) || key === "") return undefined;
  try {
    const text = execFileSync("getent", [database, "--", key], {
      encoding: "utf8",
      stdio: ["ignore", "pipe", "ignore"],
      timeout: LOOKUP_TIMEOUT_MS,
    });
    return text.split("\n")[0]?.split(":");
  } catch {
    // Not there; or no getent: the file itself.
    const lines = (textOf(`/etc/${database}`) ?? "").split("\n").map((line) => line.split(":"));
    return lines.find((fields) => fields[0] === key || fields[2] === key);
  }
}
