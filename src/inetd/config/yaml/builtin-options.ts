/** What a service of ours is told, checked before it is started. */
import { designs, type Json } from "../../../server/index.ts";
import { findService, nearest } from "../../../service/index.ts";
import type { Origin } from "../../model.ts";
import { type Problems, quote } from "../problems.ts";

/** Tells of options that the service does not have, or not so. */
export function checkOptions(service: string, options: Json, origin: Origin, problems: Problems): void {
  try {
    findService(service)?.reference(options);
  } catch (error) {
    problems.error(origin, `the options of ${service}: ${(error as Error).message}`);
  }
}

/** Tells of a design that there is not. */
export function checkDesign(name: string | undefined, origin: Origin, problems: Problems): void {
  const names = designs.map((design) => design.name);
  if (name === undefined || names.includes(name)) return;
  const near = nearest(name, names);
  const cure = near === undefined ? `there are: ${names.join(", ")}` : `did you mean ${near}?`;
  problems.error(origin, `there is no server design ${quote(name)}`, cure);
}
