/** The YAML form: share/inetd.schema.json says what there is. JSON, being YAML, is read as well. */
import { parseEndpoint } from "../../../socket/index.ts";
import {
  type AddressPattern,
  DEFAULT_GLOBAL,
  DEFAULT_SERVICE_LIMITS,
  type InetdService,
  type ListenPlace,
  type LogField,
  type LogTarget,
  type Origin,
  type ReadConfig,
  type RLimits,
  type ServedBy,
  type ServiceLimits,
  type TimeSpan,
} from "../../model.ts";
import { parsePattern, parseTimes } from "../addresses.ts";
import { assemble } from "../assemble.ts";
import { readBuiltIn } from "../builtin.ts";
import { problemsOfDesign } from "../design.ts";
import { completeProgram, completeService } from "../draft.ts";
import { checkEndpoint } from "../places.ts";
import { Problems } from "../problems.ts";
import type { ConfigWorld } from "../world.ts";
import { checkDesign, checkOptions } from "./builtin-options.ts";
import { Fields } from "./fields.ts";
import { BUILT_IN_KEYS, PROGRAM_KEYS, RLIMIT_KEYS } from "./keys.ts";
import { type Located, locate } from "./locate.ts";
import { CONFIG_SCHEMA, SERVICE_SCHEMA } from "./schema.ts";
import { TOP, validate } from "./validate.ts";

/**
 * Reads a text in YAML. What is wrong is told by line; services that are in order count.
 * @param file what messages call it.
 */
export function parseYaml(text: string, file: string, _world?: ConfigWorld): ReadConfig {
  const problems = new Problems();
  const located = locate(text, file, problems);
  if (located === undefined) return assemble([], problems);
  // The services one by one, so that those in order are served.
  const { services: _, ...properties } = CONFIG_SCHEMA.properties ?? {};
  const anyMap = { type: "object", maxProperties: CONFIG_SCHEMA.properties?.services?.maxProperties ?? 0 } as const;
  validate(located, { ...CONFIG_SCHEMA, properties: { ...properties, services: anyMap } }, TOP, file, problems);
  if (problems.errors > 0) return assemble([], problems);
  const top = new Fields(located, file);
  const services: InetdService[] = [];
  for (const [id, { key, entry }] of top.entries("services")) {
    const own = new Problems();
    validate(entry, SERVICE_SCHEMA, `services.${id}`, file, own);
    const service = own.errors > 0 ? undefined : readService(id, { file, line: key }, entry, own);
    const isDisabled = new Fields(entry, file).get("disabled") === true;
    problems.addAll(own, isDisabled);
    if (service !== undefined && own.errors === 0) services.push(service);
  }
  return assemble(services, problems, {
    maxInstances: top.get<number>("maxInstances") ?? DEFAULT_GLOBAL.maxInstances,
    log: readLog(top.inner("log"), top.get("log")) ?? DEFAULT_GLOBAL.log,
  });
}

function readService(id: string, origin: Origin, entry: Located, problems: Problems): InetdService | undefined {
  const fields = new Fields(entry, origin.file, origin.line);
  const listen = readListen(id, fields, problems);
  const serves = readServed(id, fields, listen, problems);
  if (listen === undefined || serves === undefined) return undefined;
  const [access, log, banners] = [fields.inner("access"), fields.inner("log"), fields.inner("banners")];
  const service = completeService({
    id,
    name: fields.get("name") ?? id,
    origin,
    isDisabled: fields.get("disabled") ?? false,
    wait: fields.get("wait") ?? false,
    listen,
    serves,
    access: {
      onlyFrom: access.has("onlyFrom") ? readEach(access, "onlyFrom", parsePattern, problems) : undefined,
      noAccess: readEach<AddressPattern>(access, "noAccess", parsePattern, problems),
      times: readEach<TimeSpan>(access, "times", parseTimes, problems),
    },
    limits: readLimits(fields.inner("limits")),
    log: {
      target: readLog(log.inner("to"), log.get("to")),
      onSuccess: log.get<LogField[]>("onSuccess") ?? [],
      onFailure: log.get<LogField[]>("onFailure") ?? [],
    },
    banners: {
      always: banners.get("always"),
      onSuccess: banners.get("onSuccess"),
      onFailure: banners.get("onFailure"),
    },
  });
  for (const { severity, message, cure } of problemsOfDesign(service)) {
    problems[severity](fields.originOf("design"), message, cure);
  }
  return service;
}

function readListen(
  id: string,
  fields: Fields,
  problems: Problems,
): (Pick<ListenPlace, "type"> & Partial<ListenPlace>) | undefined {
  const [endpoint, activatedName] = [fields.get<string>("listen"), fields.get<string>("socket")];
  if ((endpoint === undefined) === (activatedName === undefined)) {
    const message = `services.${id} has ${endpoint === undefined ? "neither listen nor socket" : "both listen and socket"}`;
    problems.error(
      fields.originOf(endpoint === undefined ? "" : "socket"),
      message,
      "write where it listens: one of them",
    );
    return undefined;
  }
  const backlog = fields.get<number>("backlog");
  const mode = fields.get<string>("mode");
  const more = {
    ...(backlog === undefined ? {} : { backlog }),
    keepAlive: fields.get<boolean>("keepAlive") ?? false,
    noDelay: fields.get<boolean>("noDelay") ?? false,
    v6Only: fields.get<boolean>("v6Only"),
    mode: mode === undefined ? undefined : Number.parseInt(mode, 8),
  };
  if (endpoint === undefined) {
    return { type: fields.get<ListenPlace["type"]>("type") ?? "stream", activatedName, ...more };
  }
  const type = typeOf(endpoint);
  if (fields.has("type")) {
    problems.error(fields.originOf("type"), `services.${id}.type belongs to socket; the endpoint says it for listen`);
  }
  // What cannot be read is told by the check.
  const checked = checkEndpoint(endpoint, type ?? "stream", fields.originOf("listen"), { problems });
  return checked === undefined || type === undefined ? undefined : { type, endpoint, ...more };
}

function typeOf(endpoint: string): ListenPlace["type"] | undefined {
  try {
    const { transport } = parseEndpoint(endpoint, { names: true });
    if (transport === "unix+seqpacket") return "seqpacket";
    return transport === "udp" || transport === "unix+dgram" ? "dgram" : "stream";
  } catch {
    return undefined;
  }
}

function readServed(
  id: string,
  fields: Fields,
  listen: { type: ListenPlace["type"]; endpoint?: string | undefined } | undefined,
  problems: Problems,
): ServedBy | undefined {
  const kinds = (["program", "builtin", "redirect"] as const).filter((key) => fields.has(key));
  const [kind, second] = kinds;
  if (kind === undefined || second !== undefined) {
    const given = kind === undefined ? "nothing that answers" : `both ${kind} and ${second}`;
    problems.error(
      fields.originOf(second ?? ""),
      `services.${id} has ${given}`,
      "write one of program, builtin, redirect",
    );
    return undefined;
  }
  const foreign = [...(kind === "program" ? [] : PROGRAM_KEYS), ...(kind === "builtin" ? [] : BUILT_IN_KEYS)];
  for (const key of foreign) {
    if (!fields.has(key)) continue;
    problems.error(
      fields.originOf(key),
      `services.${id}.${key} has no meaning where ${kind} is what answers`,
      "leave it out",
    );
  }
  if (kind === "program") return readProgram(fields);
  const origin = fields.originOf(kind);
  if (kind === "redirect") {
    const endpoint = fields.get<string>("redirect") ?? "";
    const type = typeOf(endpoint);
    if (type === "dgram" || type === "seqpacket" || (listen !== undefined && listen.type !== "stream")) {
      problems.error(origin, `services.${id}: only streams can be redirected, and only to streams`);
    }
    const checked = checkEndpoint(endpoint, type ?? "stream", origin, { problems });
    return checked === undefined ? undefined : { kind, endpoint };
  }
  const isUnix = listen?.endpoint?.startsWith("unix") === true;
  const builtIn = readBuiltIn(
    fields.get("builtin") ?? "",
    { type: listen?.type ?? "stream", isUnix },
    origin,
    problems,
  );
  if (builtIn === undefined) return undefined;
  const [options, design] = [fields.json("options"), fields.get<string>("design")];
  checkOptions(builtIn.service, options, fields.originOf("options"), problems);
  checkDesign(design, fields.originOf("design"), problems);
  return { ...builtIn, options, design };
}

function readProgram(fields: Fields): ReturnType<typeof completeProgram> {
  const groups = fields.get<boolean | "others">("groups") ?? false;
  const path = fields.get<string>("program") ?? "";
  const umask = fields.get<string>("umask");
  const limits = fields.inner("rlimits");
  const rlimits: Partial<Record<keyof RLimits, number>> = {};
  for (const [key, name] of RLIMIT_KEYS) {
    const value = limits.count(key);
    if (value !== undefined) rlimits[name] = value;
  }
  return completeProgram({
    path,
    argv: [
      fields.get("calledAs") ?? path.slice(path.lastIndexOf("/") + 1),
      ...(fields.get<string[]>("arguments") ?? []),
    ],
    credentials: {
      user: fields.get("user"),
      group: fields.get("group"),
      hasGroups: groups !== false,
      ...(groups === "others" ? { isOwnGroupLeft: true } : {}),
    },
    directory: fields.get("directory"),
    root: fields.get("root"),
    passEnvironment: fields.get("passEnvironment"),
    environment: fields.get("environment") ?? {},
    umask: umask === undefined ? undefined : Number.parseInt(umask, 8),
    nice: fields.get("nice"),
    rlimits,
    activation: fields.get("activation") ?? false,
    isErrorToSocket: fields.get("errorsTo") !== "stderr",
  });
}

/** A list of texts, each of which means something. */
function readEach<Item>(fields: Fields, key: string, parse: (text: string) => Item, problems: Problems): Item[] {
  const items: Item[] = [];
  for (const { text, origin } of fields.texts(key)) {
    try {
      items.push(parse(text));
    } catch (error) {
      problems.error(origin, `${key}: ${(error as Error).message}`);
    }
  }
  return items;
}

function readLimits(fields: Fields): ServiceLimits {
  const or = (key: keyof ServiceLimits): number => fields.count(key) ?? (DEFAULT_SERVICE_LIMITS[key] as number);
  return {
    instances: or("instances"),
    perSource: or("perSource"),
    connectionsPerSecond: or("connectionsPerSecond"),
    connectionsPerMinute: or("connectionsPerMinute"),
    restSeconds: or("restSeconds"),
    maxLoad: fields.get("maxLoad"),
    failures: or("failures"),
  };
}

function readLog(fields: Fields, value: unknown): LogTarget | undefined {
  if (value === undefined) return undefined;
  if (value === "stderr" || value === "none") return { kind: value };
  const [path, facility] = [fields.get<string>("file"), fields.get<string>("syslog")];
  if (facility !== undefined) return { kind: "syslog", facility, level: fields.get("level") ?? "info" };
  const [softBytes, hardBytes] = [fields.count("softLimit"), fields.count("hardLimit")];
  return {
    kind: "file",
    path: path ?? "",
    ...(softBytes === undefined ? {} : { softBytes }),
    ...(hardBytes === undefined ? {} : { hardBytes }),
  };
}
