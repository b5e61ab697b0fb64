/** xinetd's form, an entry in braces for a service: xinetd.conf(5). */
import { DEFAULT_GLOBAL, type InetdService, type Origin, type ReadConfig } from "../../model.ts";
import { assemble } from "../assemble.ts";
import { Problems, quote } from "../problems.ts";
import type { ConfigWorld } from "../world.ts";
import { ATTRIBUTES, type AttributeRule } from "./attributes.ts";
import { buildService } from "./build.ts";
import { inherit, type Settings } from "./settings.ts";
import { type Attribute, type Entry, readEntries } from "./syntax.ts";

/** What a service cannot be without, in the order of messages. */
const NECESSARY = ["socket_type", "wait"] as const;

/**
 * Reads a text in xinetd's form, and what it includes. What is wrong is told by line; entries that are in order count.
 * @param file what messages call it.
 */
export function parseXinetd(text: string, file: string, world: ConfigWorld): ReadConfig {
  const problems = new Problems();
  const entries = readEntries(text, file, world, problems);
  const before = problems.errors;
  const { defaults, origin: place, isBroken } = readDefaults(entries, problems);
  // What cannot be read might have been what keeps strangers out.
  const hasSafeDefaults = problems.errors === before && !isBroken;
  if (!hasSafeDefaults && place !== undefined) {
    problems.error(place, "no service is served while the defaults, which hold for all, have errors");
  }
  const services = entries.flatMap((entry) => {
    const service = readService(entry, defaults, world, problems);
    return service === undefined || !hasSafeDefaults ? [] : [service];
  });
  return assemble(services, problems, { ...DEFAULT_GLOBAL, log: defaults.log_type ?? DEFAULT_GLOBAL.log });
}

/** Undefined for the defaults, and for an entry that has errors. */
function readService(
  { service, origin, attributes, isBroken }: Entry,
  defaults: Settings,
  world: ConfigWorld,
  all: Problems,
): InetdService | undefined {
  if (service === undefined) return undefined;
  const problems = new Problems();
  const settings = inherit(defaults);
  const said = applyAttributes(settings, attributes, "service", problems);
  let built: InetdService | undefined;
  if (hasNecessary(service, settings, said, origin, problems) && problems.errors === 0) {
    built = buildService(service, settings, origin, { problems, world });
  }
  // Nobody is kept from anything by the errors of what is switched off.
  all.addAll(problems, settings.disable === true);
  if (built === undefined || problems.errors > 0 || isBroken) return undefined;
  return switchOff(built, defaults);
}

interface Defaults {
  readonly defaults: Settings;
  /** Undefined where there are none. */
  readonly origin: Origin | undefined;
  readonly isBroken: boolean;
}

function readDefaults(entries: readonly Entry[], problems: Problems): Defaults {
  const defaults: Settings = { rlimits: {} };
  const [first, ...more] = entries.filter(({ service }) => service === undefined);
  if (first !== undefined) applyAttributes(defaults, first.attributes, "defaults", problems);
  for (const { origin } of more) {
    const where = `at line ${first?.origin.line} of ${first?.origin.file}`;
    problems.warning(origin, `there are defaults already, ${where}; these are left out`);
  }
  return { defaults, origin: first?.origin, isBroken: first?.isBroken === true };
}

/** @returns the names of those that were said, and could be used. */
function applyAttributes(
  settings: Settings,
  attributes: readonly Attribute[],
  place: "defaults" | "service",
  problems: Problems,
): Set<string> {
  const said = new Set<string>();
  for (const attribute of attributes) {
    const { name, operator, values, origin } = attribute;
    const rule = Object.hasOwn(ATTRIBUTES, name) ? ATTRIBUTES[name] : undefined;
    const fault = faultOf(attribute, rule, place, said);
    if (rule === undefined || fault !== undefined) {
      problems.warning(origin, `${fault}; this line is left out`);
      continue;
    }
    // In one entry, what is said again is said as well.
    const effective = operator === "=" && (said.has(name) || place === "defaults") ? "+=" : operator;
    said.add(name);
    try {
      rule.apply(settings, values, effective);
    } catch (error) {
      problems.error(origin, `${name}: ${(error as Error).message}`);
    }
  }
  return said;
}

/** Why a line is left out, as xinetd leaves it out; undefined for one that counts. */
function faultOf(
  { name, operator, values }: Attribute,
  rule: AttributeRule | undefined,
  place: "defaults" | "service",
  said: ReadonlySet<string>,
): string | undefined {
  if (rule === undefined) return `there is no attribute ${quote(name)}`;
  const { count, isGrowing = false, isSet = false, place: wanted = "service", unused } = rule;
  if (wanted !== "both" && wanted !== place) {
    return `${name} does not belong into ${place === "service" ? "a service" : "the defaults"}`;
  }
  if (!isSet && said.has(name)) return `${name} has been said already`;
  if (!isSet && operator !== "=") return `${operator} cannot be said of ${name}, which is no set`;
  if (isGrowing && operator === "-=") return `-= takes nothing away from ${name}, in xinetd neither`;
  if (count !== undefined && count !== values.length) {
    return `${name} takes ${count} value${count === 1 ? "" : "s"}, not ${values.length}`;
  }
  return unused === undefined ? undefined : `${name} has no effect here: ${unused}`;
}

function hasNecessary(
  service: string,
  settings: Settings,
  said: ReadonlySet<string>,
  origin: Origin,
  problems: Problems,
): boolean {
  const isInternal = settings.type?.has("INTERNAL") === true;
  const wanted: string[] = [...NECESSARY];
  if (!isInternal) wanted.push("user");
  if (!isInternal && settings.redirect === undefined) wanted.push("server");
  const missing = wanted.filter((name) => !said.has(name) && !(name === "socket_type" && said.has("protocol")));
  if (missing.length > 0) problems.error(origin, `the service ${quote(service)} has no ${missing.join(", no ")}`);
  return missing.length === 0;
}

/** As `disabled` and `enabled` of the defaults say. */
function switchOff(service: InetdService, { disabled, enabled }: Settings): InetdService {
  const isOff = disabled?.has(service.id) === true || (enabled !== undefined && !enabled.has(service.id));
  return isOff ? { ...service, isDisabled: true } : service;
}
