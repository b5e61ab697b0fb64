/** What attributes say, before it is known what kind of service they make. */
import type { AddressPattern, LogField, LogTarget, RLimits, TimeSpan } from "../../model.ts";

/** Everything that an entry may set; what it does not is absent. */
export interface Settings {
  access_times?: TimeSpan[];
  banner?: string;
  banner_fail?: string;
  banner_success?: string;
  bind?: string;
  cps?: { connectionsPerSecond: number; restSeconds: number };
  disable?: boolean;
  disabled?: Set<string>;
  enabled?: Set<string>;
  env?: Map<string, string>;
  flags?: Set<string>;
  group?: string;
  groups?: boolean;
  id?: string;
  instances?: number;
  log_on_failure?: Set<LogField>;
  log_on_success?: Set<LogField>;
  log_type?: LogTarget;
  max_load?: number;
  nice?: number;
  no_access?: Map<string, AddressPattern>;
  only_from?: Map<string, AddressPattern>;
  passenv?: Set<string>;
  per_source?: number;
  port?: string;
  protocol?: string;
  redirect?: { host: string; port: string };
  rlimits: Partial<Record<keyof RLimits, number>>;
  server?: string;
  server_args?: readonly string[];
  socket_type?: string;
  type?: Set<string>;
  umask?: number;
  user?: string;
  v6only?: boolean;
  wait?: boolean;
}

/** Those that a service has a copy of, and changes. */
export function inherit(defaults: Settings | undefined): Settings {
  return defaults === undefined ? { rlimits: {} } : structuredClone(defaults);
}
