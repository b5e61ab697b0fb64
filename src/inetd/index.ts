/** `portolan/inetd`: the super-server, which listens for many services and starts what answers when somebody comes. */
export { checkHost } from "./config/host-check.ts";
export type { HostWorld } from "./config/host-world.ts";
export { parseConfig, readConfigFile } from "./config/read.ts";
export type { ConfigWorld } from "./config/world.ts";
export { formatYaml, type YamlStyle } from "./config/yaml/emit.ts";
export type * from "./model.ts";
export { DEFAULT_GLOBAL, DEFAULT_SERVICE_LIMITS } from "./model.ts";
export { checkAccess } from "./run/access.ts";
export type { Refusal } from "./run/gate.ts";
export type { AccessCheck } from "./run/host.ts";
export { formatRecord, type LogRecord, stamp } from "./run/log.ts";
export { inetdMetricDescriptions } from "./run/metrics.ts";
export type { RunnerState } from "./run/runner.ts";
export {
  type Inetd,
  type InetdOptions,
  type ReloadResult,
  type ServiceStatus,
  startInetd,
} from "./run/super-server.ts";
