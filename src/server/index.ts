/** Servers: services under any design. */
export type { CounterName, CounterValues } from "./counters.ts";
export { designNamed, designs } from "./designs.ts";
export { type HostedDatagrams, HostedService } from "./hosted.ts";
export { DEFAULT_LIMITS, type Limits, leastOf, MOST_OF_A_LIMIT } from "./limits.ts";
export { type ServeOptions, type Server, serve } from "./serve.ts";
export type { Json, Place, Service, ServiceReference } from "./service.ts";
export type { Kind, Placement, Report, ServerDesign, ServerEvent } from "./task.ts";
