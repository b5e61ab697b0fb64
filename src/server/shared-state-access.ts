/** Where a worker finds what its conversations share. */
import type { Channel } from "./channel.ts";
import type { Json, Service } from "./service.ts";
import { LocalHub, RemoteHub, type SharedAccess } from "./shared-state-desk.ts";
import type { Report } from "./task.ts";

/**
 * At the other end of its channel, if it has one; else it is the only worker, and has it itself. Undefined for a service
 * whose conversations share nothing.
 */
export function sharedAccess(
  service: Service,
  options: Json,
  channel: Channel | undefined,
  report: Report,
): SharedAccess | undefined {
  if (service.resources === undefined) return undefined;
  if (channel !== undefined) return new RemoteHub(channel);
  return new LocalHub(service.resources(options), reportingResource(report));
}

/** What tells of a resource that threw. */
export function reportingResource(report: Report): (error: unknown) => void {
  return (error) =>
    report({ where: "resource", message: error instanceof Error ? (error.stack ?? error.message) : String(error) });
}
