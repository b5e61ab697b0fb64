/** The one place where a module is imported by a name that is not written in the source. */
import type { Service, ServiceReference } from "./service.ts";

/**
 * Imports a service.
 * @throws TypeError where the module has no such export, or the export is no service.
 */
export async function loadService(reference: ServiceReference): Promise<Service> {
  const module = (await import(reference.url)) as Record<string, unknown>;
  const service = module[reference.export];
  if (isService(service)) return service;
  const exports = Object.keys(module).join(", ") || "nothing";
  throw new TypeError(
    `${reference.url} has no service named "${reference.export}" (an object with name and stream or datagram); it exports ${exports}`,
  );
}

function isService(value: unknown): value is Service {
  if (typeof value !== "object" || value === null) return false;
  const { name, stream, datagram } = value as Partial<Service>;
  return typeof name === "string" && (typeof stream === "function" || typeof datagram === "function");
}
