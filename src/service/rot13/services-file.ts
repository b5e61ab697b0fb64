/** Reads services(5) files: names of services, their ports and protocols. */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

/** The file that ships: services that no list of the system has. */
export const SHIPPED_SERVICES: string = fileURLToPath(new URL("../../../share/services", import.meta.url));

const MAX_FILE_BYTES = 4 * 1024 * 1024;
const MAX_PORT = 65_535;

/** The port of a service, by its name or an alias; undefined where the text has no such line. */
export function findPort(text: string, name: string, protocol: string): number | undefined {
  for (const line of text.split("\n")) {
    const [official = "", portAndProtocol = "", ...aliases] = line.replace(/#.*/s, "").trim().split(/\s+/);
    const [, port = "", lineProtocol] = /^(\d{1,5})\/(\w+)$/.exec(portAndProtocol) ?? [];
    if (lineProtocol !== protocol || Number(port) > MAX_PORT) continue;
    if (official === name || aliases.includes(name)) return Number(port);
  }
  return undefined;
}

/** @throws Error with a code where the file cannot be read; RangeError where it is too large. */
export function readServices(path: string): string {
  const bytes = readFileSync(path);
  if (bytes.length <= MAX_FILE_BYTES) return bytes.toString("utf8");
  throw new RangeError(`${path} has ${bytes.length} bytes; a services file has at most ${MAX_FILE_BYTES}`);
}
