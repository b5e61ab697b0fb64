/** From the settings of an entry to the service that they mean. */
import {
  type Access,
  DEFAULT_SERVICE_LIMITS,
  type InetdService,
  type ListenPlace,
  type Origin,
  type ServedBy,
  type ServiceLimits,
} from "../../model.ts";
import { readBuiltIn } from "../builtin.ts";
import { completeProgram, completeService } from "../draft.ts";
import { checkEndpoint, familyOf, hostInEndpoint, type Reading, readPort } from "../places.ts";
import { quote } from "../problems.ts";
import type { Settings } from "./settings.ts";

/** xinetd's own. */
const DEFAULT_CPS = { connectionsPerSecond: 50, restSeconds: 10 };
/** What asks for more than is done here, and would be less safe without it. */
const REFUSED_FLAGS: Readonly<Record<string, string>> = {
  IDONLY: "nobody is asked who the peer's user is",
  INTERCEPT: "what a program accepts by itself is not looked at",
  LABELED: "the labels of SELinux are not followed",
  SENSOR: "there are no sensors here",
};
const REFUSED_TYPES = ["RPC", "TCPMUX", "TCPMUXPLUS"];

/** Undefined, and an error told, where they do not make one. */
export function buildService(
  name: string,
  settings: Settings,
  origin: Origin,
  reading: Reading,
): InetdService | undefined {
  const { problems } = reading;
  const { id = name, type = new Set<string>(), flags = new Set<string>() } = settings;
  for (const flag of flags) {
    const reason = Object.hasOwn(REFUSED_FLAGS, flag) ? REFUSED_FLAGS[flag] : undefined;
    if (reason !== undefined) problems.error(origin, `${id} has the flag ${flag}: ${reason}`, "leave the flag out");
  }
  for (const refused of REFUSED_TYPES) {
    if (type.has(refused))
      problems.error(origin, `${id} is of type ${refused}, which is not served here`, "leave it out");
  }
  for (const field of ["USERID", "RECORD"] as const) {
    if (settings.log_on_success?.has(field) === true || settings.log_on_failure?.has(field) === true) {
      problems.warning(origin, `${id} is to log ${field}, which nobody is asked for here`);
    }
  }
  const listen = readPlace(name, settings, origin, reading);
  const serves = readServed(name, settings, origin, reading);
  if (listen === undefined || serves === undefined) return undefined;
  return completeService({
    id,
    name,
    origin,
    isDisabled: settings.disable ?? false,
    wait: settings.wait === true && serves.kind === "program",
    listen: { ...listen, keepAlive: flags.has("KEEPALIVE"), noDelay: flags.has("NODELAY") },
    serves,
    access: accessOf(settings),
    limits: limitsOf(settings),
    log: {
      target: settings.log_type,
      onSuccess: [...(settings.log_on_success ?? [])],
      onFailure: [...(settings.log_on_failure ?? [])],
    },
    banners: { always: settings.banner, onSuccess: settings.banner_success, onFailure: settings.banner_fail },
  });
}

type Place = Pick<ListenPlace, "type" | "endpoint" | "v6Only">;

function readPlace(name: string, settings: Settings, origin: Origin, reading: Reading): Place | undefined {
  const { problems, world } = reading;
  const { bind, flags, port: written = name } = settings;
  const type = typeOf(settings);
  const transport = settings.protocol ?? (type === "dgram" ? "udp" : "tcp");
  if ((type !== "stream" && type !== "dgram") || (transport !== "tcp" && transport !== "udp")) {
    problems.error(origin, `sockets of type ${type} are not served here`, "write stream or dgram");
    return undefined;
  }
  if ((type === "stream") !== (transport === "tcp")) {
    problems.error(origin, `${transport} has no sockets of type ${type}`, "write stream with tcp, or dgram with udp");
    return undefined;
  }
  const port = readPort(written, transport, origin, reading);
  if (port === undefined) return undefined;
  if (settings.port !== undefined && settings.type?.has("UNLISTED") !== true) {
    const listed = world.port(name, transport);
    if (listed !== port) {
      const why = listed === undefined ? "is in no list of services" : `has port ${listed}, not ${port}`;
      problems.error(origin, `${quote(name)} ${why} (${transport})`, "write type = UNLISTED");
      return undefined;
    }
  }
  const only = flags?.has("IPv4") === flags?.has("IPv6") ? undefined : flags?.has("IPv4") ? "inet" : "inet6";
  const family = bind === undefined ? undefined : familyOf(bind);
  if (bind !== undefined && family !== undefined && only !== undefined && family !== only) {
    problems.error(origin, `${bind} is no address of ${only === "inet" ? "IPv4" : "IPv6"}`, "leave the flag out");
    return undefined;
  }
  const isFour = only === "inet" || (settings.v6only !== true && only === undefined && !world.hasIPv6);
  const host = bind ?? (isFour ? "0.0.0.0" : "::");
  const endpoint = checkEndpoint(`${transport}://${hostInEndpoint(host)}:${port}`, type, origin, reading);
  if (endpoint === undefined) return undefined;
  // One socket for both families, as xinetd has it.
  return { type, endpoint, v6Only: host.includes(":") ? (settings.v6only ?? false) : undefined };
}

/** The socket's type, which its protocol tells where the entry does not. */
function typeOf({ socket_type: type, protocol }: Settings): string | undefined {
  return type ?? (protocol === "udp" ? "dgram" : protocol === "tcp" ? "stream" : undefined);
}

function readServed(name: string, settings: Settings, origin: Origin, reading: Reading): ServedBy | undefined {
  const { problems } = reading;
  const { redirect, server } = settings;
  const type = typeOf(settings);
  if (settings.type?.has("INTERNAL") === true) {
    return readBuiltIn(name, { type: type === "dgram" ? "dgram" : "stream", isUnix: false }, origin, problems);
  }
  if (redirect !== undefined) {
    const { host } = redirect;
    if (type !== "stream" || settings.wait === true) {
      problems.error(origin, "a service that is redirected is a stream, and does not wait", "write wait = no");
      return undefined;
    }
    const port = readPort(redirect.port, "tcp", origin, reading);
    if (port === undefined) return undefined;
    const endpoint = checkEndpoint(`tcp://${hostInEndpoint(host)}:${port}`, "stream", origin, reading);
    return endpoint === undefined ? undefined : { kind: "redirect", endpoint };
  }
  const path = server ?? "";
  const own = path.slice(path.lastIndexOf("/") + 1);
  const hasName = settings.flags?.has("NAMEINARGS") === true;
  const { server_args: words = [] } = settings;
  if (hasName && words.length === 0) {
    problems.error(origin, "with NAMEINARGS, the first of server_args is the program's name, and there is none");
    return undefined;
  }
  if (words.some((word) => /^["']/.test(word))) {
    problems.warning(origin, `quotes in server_args have no meaning: ${path} gets them, and words end at blanks`);
  }
  return completeProgram({
    path,
    argv: hasName ? words : [own, ...words],
    credentials: { user: settings.user, group: settings.group, hasGroups: settings.groups ?? false },
    passEnvironment: settings.passenv === undefined ? undefined : [...settings.passenv],
    environment: Object.fromEntries(settings.env ?? []),
    umask: settings.umask,
    nice: settings.nice,
    rlimits: settings.rlimits,
  });
}

function accessOf({ only_from, no_access, access_times }: Settings): Access {
  return {
    onlyFrom: only_from === undefined ? undefined : [...only_from.values()],
    noAccess: [...(no_access?.values() ?? [])],
    times: access_times ?? [],
  };
}

function limitsOf({ cps = DEFAULT_CPS, instances, max_load, per_source }: Settings): ServiceLimits {
  return {
    ...DEFAULT_SERVICE_LIMITS,
    ...cps,
    ...(instances === undefined ? {} : { instances }),
    ...(per_source === undefined ? {} : { perSource: per_source }),
    maxLoad: max_load,
  };
}
