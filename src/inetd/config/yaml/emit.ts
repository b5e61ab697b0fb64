/** A configuration as YAML: what {@link parseYaml} reads back to the same. Only what is not so by default is written. */

import { Document, isMap, isScalar } from "yaml";
import { SOMAXCONN } from "../../../abi/index.ts";
import {
  DEFAULT_GLOBAL,
  DEFAULT_SERVICE_LIMITS,
  type InetdConfig,
  type InetdService,
  type LogTarget,
  type ServedByProgram,
  type TimeSpan,
} from "../../model.ts";
import { formatTimes } from "../addresses.ts";
import { RLIMIT_KEYS, UNLIMITED } from "./keys.ts";

/** How {@link formatYaml} writes. */
export interface YamlStyle {
  /** JSON, which is YAML too. `yaml` by default. */
  readonly form?: "json" | "yaml";
  /** Whether each service is preceded by a comment that says where it was read. */
  readonly origins?: boolean;
}

/** The text of a configuration. */
export function formatYaml(config: InetdConfig, { form = "yaml", origins = false }: YamlStyle = {}): string {
  const { global, services } = config;
  const top = withoutDefaults([
    ["maxInstances", global.maxInstances, DEFAULT_GLOBAL.maxInstances],
    ["log", logOf(global.log), "stderr"],
  ]);
  top.set("services", new Map(services.map((service) => [service.id, serviceOf(service)])));
  if (form === "json") return `${JSON.stringify(toJson(top), undefined, 2)}\n`;
  const document = new Document(top, { aliasDuplicateObjects: false });
  const map = document.get("services");
  if (origins && isMap(map)) {
    map.items.forEach(({ key }, index) => {
      const { file, line } = (services[index] as InetdService).origin;
      // A name of a file may have anything in it; a comment ends with its line.
      if (isScalar(key)) key.commentBefore = ` ${file}:${line}`.replace(/[\r\n\0\u2028\u2029]/g, "?");
    });
  }
  return document.toString({ lineWidth: 0 });
}

type Value = unknown;
type Field = readonly [key: string, value: Value, byDefault?: Value];

/** A map of what is not as it is by default; empty maps and lists count as such. */
function withoutDefaults(fields: readonly Field[]): Map<string, Value> {
  const map = new Map<string, Value>();
  for (const [key, value, byDefault] of fields) {
    if (value === undefined || value === byDefault || (value instanceof Map && value.size === 0)) continue;
    map.set(key, value);
  }
  return map;
}

function serviceOf(service: InetdService): Map<string, Value> {
  const { id, name, isDisabled, listen, limits, access, log, banners } = service;
  return withoutDefaults([
    ["name", name, id],
    ["disabled", isDisabled, false],
    ["listen", listen.endpoint],
    ["socket", listen.activatedName],
    ["type", listen.endpoint === undefined ? listen.type : undefined, "stream"],
    ["backlog", listen.backlog, SOMAXCONN],
    ["keepAlive", listen.keepAlive, false],
    ["noDelay", listen.noDelay, false],
    ["v6Only", listen.v6Only],
    ["mode", octal(listen.mode)],
    ...servedOf(service),
    [
      "access",
      withoutDefaults([
        ["onlyFrom", access.onlyFrom?.map(({ text }) => text)],
        ["noAccess", some(access.noAccess.map(({ text }) => text))],
        ["times", some(access.times.map((span: TimeSpan) => formatTimes(span)))],
      ]),
    ],
    [
      "limits",
      withoutDefaults(
        Object.entries(limits).map(([key, value]) => [
          key,
          count(value),
          count(DEFAULT_SERVICE_LIMITS[key as keyof typeof DEFAULT_SERVICE_LIMITS]),
        ]),
      ),
    ],
    [
      "log",
      withoutDefaults([
        ["to", log.target === undefined ? undefined : logOf(log.target)],
        ["onSuccess", some(log.onSuccess)],
        ["onFailure", some(log.onFailure)],
      ]),
    ],
    ["banners", withoutDefaults(Object.entries(banners))],
  ]);
}

function servedOf({ serves, wait }: InetdService): Field[] {
  if (serves.kind === "redirect") return [["redirect", serves.endpoint]];
  if (serves.kind === "program") return programOf(serves, wait);
  return [
    ["builtin", serves.service],
    ["options", serves.options, null],
    ["design", serves.design],
  ];
}

function programOf(program: ServedByProgram, wait: boolean): Field[] {
  const { path, argv, credentials, environment, rlimits } = program;
  return [
    ["program", path],
    ["calledAs", argv[0], path.slice(path.lastIndexOf("/") + 1)],
    ["arguments", some(argv.slice(1))],
    ["wait", wait, false],
    ["user", credentials.user],
    ["group", credentials.group],
    ["groups", credentials.hasGroups && credentials.isOwnGroupLeft === true ? "others" : credentials.hasGroups, false],
    ["directory", program.directory],
    ["root", program.root],
    ["passEnvironment", program.passEnvironment],
    ["environment", new Map(Object.entries(environment))],
    ["umask", octal(program.umask)],
    ["nice", program.nice],
    ["rlimits", withoutDefaults(RLIMIT_KEYS.map(([key, name]) => [key, count(rlimits[name])]))],
    ["activation", program.activation, false],
    ["errorsTo", program.isErrorToSocket ? "socket" : "stderr", "socket"],
  ];
}

function some<Item>(list: readonly Item[]): readonly Item[] | undefined {
  return list.length === 0 ? undefined : list;
}

function octal(mode: number | undefined): string | undefined {
  return mode?.toString(8).padStart(3, "0");
}

function count(value: number | undefined): number | string | undefined {
  return value === Number.POSITIVE_INFINITY ? UNLIMITED : value;
}

function logOf(target: LogTarget): Value {
  if (target.kind === "syslog") {
    return withoutDefaults([
      ["syslog", target.facility],
      ["level", target.level, "info"],
    ]);
  }
  if (target.kind !== "file") return target.kind;
  return withoutDefaults([
    ["file", target.path],
    ["softLimit", count(target.softBytes)],
    ["hardLimit", count(target.hardBytes)],
  ]);
}

function toJson(value: Value): Value {
  if (value instanceof Map) return Object.fromEntries([...value].map(([key, inner]) => [key, toJson(inner)]));
  return Array.isArray(value) ? value.map(toJson) : value;
}
