/** Reads services(5) files: names of services, their ports and protocols. */
import { fileURLToPath } from "node:url";
import { readNamedFile } from "../named-file.ts";

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
  const cure = "give a file in the form of /etc/services, or none for the one that ships";
  return readNamedFile({ path, what: "a services file", cure, maxBytes: MAX_FILE_BYTES }).toString("utf8");
}
