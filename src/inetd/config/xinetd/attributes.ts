/** Every attribute of xinetd.conf(5): what its values may be, and where it may stand. */
import type { AddressPattern, LogField, LogTarget, RLimits } from "../../model.ts";
import { parseTimes, parseXinetdPatterns } from "../addresses.ts";
import { quote } from "../problems.ts";
import type { Settings } from "./settings.ts";
import type { Operator } from "./syntax.ts";

export interface AttributeRule {
  /** How many values it takes; undefined for any number. */
  readonly count?: number;
  /** Whether += and -= may be said of it, and it may come several times. */
  readonly isSet?: boolean;
  /** Where it may stand; a service by default. */
  readonly place?: "defaults" | "both";
  /** What is to be said of it: it has no effect here. */
  readonly unused?: string;
  /** Nothing can be taken away from it, in xinetd neither. */
  readonly isGrowing?: boolean;
  /** Puts it into the settings. @throws RangeError that says what is wrong with a value. */
  apply(settings: Settings, values: readonly string[], operator: Operator): void;
}

const UNLIMITED = "UNLIMITED";
const isUnlimited = (text: string): boolean => text.toUpperCase() === UNLIMITED;
const KIBIBYTE = 1024;

function number(text: string, min: number, max: number): number {
  const value = Number(text);
  if (/^[+-]?[0-9]+$/.test(text) && value >= min && value <= max) return value;
  throw new RangeError(`${quote(text)} is no whole number from ${min} to ${max}`);
}

function numberOrUnlimited(text: string, min = 0): number {
  return isUnlimited(text) ? Number.POSITIVE_INFINITY : number(text, min, Number.MAX_SAFE_INTEGER);
}

function size(text: string): number {
  const [, digits, unit] = /^([0-9]{1,12})([KM])?$/.exec(text.toUpperCase()) ?? [];
  if (isUnlimited(text)) return Number.POSITIVE_INFINITY;
  if (digits === undefined)
    throw new RangeError(`${quote(text)} is no size such as 65536, 64K or 8M, and not ${UNLIMITED}`);
  return Number(digits) * (unit === "K" ? KIBIBYTE : unit === "M" ? KIBIBYTE * KIBIBYTE : 1);
}

function yesOrNo(text: string): boolean {
  const word = text.toLowerCase();
  if (word === "yes" || word === "no") return word === "yes";
  throw new RangeError(`${quote(text)} is neither yes nor no`);
}

/** The word that is meant, as it is written here: xinetd does not mind the case of any. */
function oneOf<Word extends string>(text: string, known: readonly Word[]): Word {
  const meant = known.find((word) => word.toLowerCase() === text.toLowerCase());
  if (meant !== undefined) return meant;
  throw new RangeError(`${quote(text)} is none of: ${known.join(", ")}`);
}

/** Changes a set as an operator says; the first = replaces what the defaults have, the next ones add. */
function change<Key, Value>(
  before: Map<Key, Value> | undefined,
  items: readonly (readonly [Key, Value])[],
  operator: Operator,
): Map<Key, Value> {
  const map = operator === "=" ? new Map<Key, Value>() : (before ?? new Map<Key, Value>());
  for (const [key, value] of items) {
    if (operator === "-=") map.delete(key);
    else map.set(key, value);
  }
  return map;
}

function changeSet<Item>(before: Set<Item> | undefined, items: readonly Item[], operator: Operator): Set<Item> {
  const pairs = [...(before ?? [])].map((item) => [item, true] as const);
  const map = change(
    new Map<Item, true>(pairs),
    items.map((item) => [item, true] as const),
    operator,
  );
  return new Set(map.keys());
}

/** An attribute whose value is kept as it is written. */
function text(
  name: "banner" | "banner_fail" | "banner_success" | "bind" | "group" | "id" | "port" | "server" | "user",
  place?: "both",
): AttributeRule {
  return {
    count: 1,
    ...(place === undefined ? {} : { place }),
    apply(settings, [value = ""]) {
      settings[name] = value;
    },
  };
}

function flag(name: "disable" | "groups" | "v6only" | "wait", place?: "both"): AttributeRule {
  return {
    count: 1,
    ...(place === undefined ? {} : { place }),
    apply(settings, [value = ""]) {
      settings[name] = yesOrNo(value);
    },
  };
}

function addresses(name: "no_access" | "only_from"): AttributeRule {
  return {
    isSet: true,
    place: "both",
    apply(settings, values, operator) {
      const items = values.flatMap(parseXinetdPatterns).map((item) => [item.text, item] as const);
      settings[name] = change<string, AddressPattern>(settings[name], items, operator);
    },
  };
}

function logFields(name: "log_on_failure" | "log_on_success", known: readonly LogField[]): AttributeRule {
  return {
    isSet: true,
    place: "both",
    apply(settings, values, operator) {
      const fields = values.map((value) => oneOf(value, known));
      settings[name] = changeSet(settings[name], fields, operator);
    },
  };
}

function ids(name: "disabled" | "enabled"): AttributeRule {
  return {
    isSet: true,
    isGrowing: true,
    place: "defaults",
    apply(settings, values, operator) {
      settings[name] = changeSet(settings[name], values, operator);
    },
  };
}

function rlimit(name: keyof RLimits, read: (value: string) => number): AttributeRule {
  return {
    count: 1,
    apply(settings, [value = ""]) {
      settings.rlimits[name] = read(value);
    },
  };
}

function unused(reason: string, count?: number): AttributeRule {
  return { ...(count === undefined ? {} : { count }), unused: reason, apply: () => {} };
}

const FLAGS = [
  "IDONLY",
  "INTERCEPT",
  "IPv4",
  "IPv6",
  "KEEPALIVE",
  "LABELED",
  "NAMEINARGS",
  "NODELAY",
  "NOLIBWRAP",
  "NORETRY",
  "REUSE",
  "SENSOR",
];
const TYPES = ["INTERNAL", "RPC", "TCPMUX", "TCPMUXPLUS", "UNLISTED"];

/** Every attribute, by its name. */
export const ATTRIBUTES: Readonly<Record<string, AttributeRule>> = {
  access_times: {
    apply(settings, values) {
      if (values.length === 0) throw new RangeError("it takes at least one span of the day, such as 8:30-17:00");
      settings.access_times = values.map(parseTimes);
    },
  },
  banner: text("banner", "both"),
  banner_fail: text("banner_fail", "both"),
  banner_success: text("banner_success", "both"),
  bind: text("bind", "both"),
  cps: {
    count: 2,
    place: "both",
    apply(settings, [connections = "", rest = ""]) {
      settings.cps = {
        connectionsPerSecond: numberOrUnlimited(connections, 1),
        restSeconds: number(rest, 1, Number.MAX_SAFE_INTEGER),
      };
    },
  },
  deny_time: unused("it belongs to the flag SENSOR", 1),
  disable: flag("disable"),
  disabled: ids("disabled"),
  enabled: ids("enabled"),
  env: {
    isSet: true,
    apply(settings, values, operator) {
      if (operator === "-=") throw new RangeError("-= cannot be said of env");
      const items = values.map((value) => {
        const [, name, content] = /^([^=]+)=(.*)$/s.exec(value) ?? [];
        if (name === undefined || content === undefined) throw new RangeError(`${quote(value)} is no NAME=VALUE`);
        return [name, content] as const;
      });
      settings.env = change<string, string>(settings.env, items, operator);
    },
  },
  flags: {
    apply(settings, values) {
      settings.flags = new Set(values.map((value) => oneOf(value, FLAGS)));
    },
  },
  group: text("group"),
  groups: flag("groups", "both"),
  id: text("id"),
  instances: {
    count: 1,
    place: "both",
    apply(settings, [value = ""]) {
      settings.instances = numberOrUnlimited(value);
    },
  },
  interface: text("bind", "both"),
  libwrap: unused("use only_from and no_access", 1),
  log_on_failure: logFields("log_on_failure", ["HOST", "USERID", "ATTEMPT", "RECORD"]),
  log_on_success: logFields("log_on_success", ["PID", "HOST", "USERID", "EXIT", "DURATION", "TRAFFIC"]),
  log_type: {
    place: "both",
    apply(settings, values) {
      settings.log_type = readLogType(values);
    },
  },
  max_load: {
    count: 1,
    place: "both",
    apply(settings, [value = ""]) {
      if (!/^(?:[0-9]{1,6}(?:\.[0-9]{0,6})?|\.[0-9]{1,6})$/.test(value))
        throw new RangeError(`${quote(value)} is no load such as 2.5`);
      settings.max_load = Number(value);
    },
  },
  mdns: unused("it is for Mac OS", 1),
  nice: {
    count: 1,
    apply(settings, [value = ""]) {
      settings.nice = number(value, -20, 19);
    },
  },
  no_access: addresses("no_access"),
  only_from: addresses("only_from"),
  passenv: {
    isSet: true,
    place: "both",
    apply(settings, values, operator) {
      settings.passenv = changeSet(settings.passenv, values, operator);
    },
  },
  per_source: {
    count: 1,
    place: "both",
    apply(settings, [value = ""]) {
      settings.per_source = numberOrUnlimited(value);
    },
  },
  port: text("port"),
  protocol: {
    count: 1,
    apply(settings, [value = ""]) {
      settings.protocol = oneOf(value, ["tcp", "udp"]);
    },
  },
  redirect: {
    count: 2,
    apply(settings, [host = "", port = ""]) {
      settings.redirect = { host, port };
    },
  },
  rlimit_as: rlimit("addressSpaceBytes", size),
  rlimit_cpu: rlimit("cpuSeconds", (value) => numberOrUnlimited(value)),
  rlimit_data: rlimit("dataBytes", size),
  rlimit_files: rlimit("openFiles", (value) => numberOrUnlimited(value)),
  rlimit_rss: unused("Linux has no such limit; rlimit_as has an effect", 1),
  rlimit_stack: rlimit("stackBytes", size),
  rpc_number: unused("services of RPC are not served here", 1),
  rpc_version: unused("services of RPC are not served here", 1),
  server: {
    count: 1,
    apply(settings, [value = ""]) {
      if (!value.startsWith("/")) throw new RangeError(`the program ${quote(value)} has no absolute path`);
      settings.server = value;
    },
  },
  server_args: {
    apply(settings, values) {
      settings.server_args = values;
    },
  },
  socket_type: {
    count: 1,
    apply(settings, [value = ""]) {
      settings.socket_type = oneOf(value, ["stream", "dgram", "raw", "seqpacket"]);
    },
  },
  type: {
    apply(settings, values) {
      settings.type = new Set(values.map((value) => oneOf(value, TYPES)));
    },
  },
  umask: {
    count: 1,
    place: "both",
    apply(settings, [value = ""]) {
      if (!/^0*[0-7]{1,3}$/.test(value))
        throw new RangeError(`${quote(value)} is no umask: three octal digits such as 022`);
      settings.umask = Number.parseInt(value, 8);
    },
  },
  user: text("user"),
  v6only: flag("v6only"),
  wait: flag("wait"),
};

const FACILITIES = [
  "auth",
  "authpriv",
  "cron",
  "daemon",
  "ftp",
  "kern",
  "local0",
  "local1",
  "local2",
  "local3",
  "local4",
  "local5",
  "local6",
  "local7",
  "lpr",
  "mail",
  "news",
  "syslog",
  "user",
  "uucp",
];
const LEVELS = ["emerg", "alert", "crit", "err", "warning", "notice", "info", "debug"];
/** Of a hard limit that is not written: xinetd's LOG_EXTRA_MIN and LOG_EXTRA_MAX. */
const MIN_EXTRA_BYTES = 5 * KIBIBYTE;
const MAX_EXTRA_BYTES = 20 * KIBIBYTE;

function readLogType([word = "", ...values]: readonly string[]): LogTarget {
  const kind = word.toUpperCase();
  if (kind === "SYSLOG" && (values.length === 1 || values.length === 2)) {
    const [facility = "", level = "info"] = values;
    return { kind: "syslog", facility: oneOf(facility, FACILITIES), level: oneOf(level, LEVELS) };
  }
  const [path = "", soft, hard] = values;
  if (kind !== "FILE" || !path.startsWith("/") || values.length > 3) {
    throw new RangeError("it is SYSLOG FACILITY [LEVEL], or FILE /PATH [SOFT_LIMIT [HARD_LIMIT]]");
  }
  if (soft === undefined) return { kind: "file", path };
  const softBytes = size(soft);
  const extra = Math.min(MAX_EXTRA_BYTES, Math.max(MIN_EXTRA_BYTES, Math.floor(softBytes / 100)));
  const hardBytes = hard === undefined ? softBytes + extra : size(hard);
  if (hardBytes < softBytes) throw new RangeError(`the hard limit ${hard} is below the soft limit ${soft}`);
  return { kind: "file", path, softBytes, hardBytes };
}
