/** What a configuration refers to outside of its own text. Tests have a small world of their own. */
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { getservbynameSync } from "../../socket/index.ts";
import { MAX_FILE_BYTES } from "./bounds.ts";

/** What a reader asks of the system. */
export interface ConfigWorld {
  /** The port of a name: services(5); undefined where no list has it. */
  port(name: string, protocol: "tcp" | "udp"): number | undefined;
  /** Whether sockets of IPv6 can be had. */
  readonly hasIPv6: boolean;
  /** The text of a file. @throws Error whose message says what is wrong. */
  readFile(path: string): string;
  /** The names in a folder. @throws Error whose message says what is wrong. */
  listFolder(path: string): readonly string[];
}

/** The list that comes with the package, of names that the system's has not. */
const SHIPPED_SERVICES = new URL("../../../share/services", import.meta.url);

/** The system that this runs on. */
export const systemWorld: ConfigWorld = {
  port(name, protocol) {
    // What can be no name in the C library's eyes has no port.
    if (!/^[!-~]{1,64}$/.test(name)) return undefined;
    return getservbynameSync(name, protocol)?.port ?? shippedPort(name, protocol);
  },
  get hasIPv6() {
    return existsSync("/proc/net/if_inet6");
  },
  readFile(path) {
    const found = statSync(path);
    // Reading a FIFO or a device might never end.
    if (!found.isFile()) throw new Error(`${path} is no file`);
    if (found.size > MAX_FILE_BYTES) throw new Error(`${path} has more than ${MAX_FILE_BYTES} bytes`);
    return readFileSync(path, "utf8");
  },
  listFolder: (path) => readdirSync(path),
};

function shippedPort(name: string, protocol: string): number | undefined {
  for (const line of readFileSync(SHIPPED_SERVICES, "utf8").split("\n")) {
    const [listed, place] = line.split(/\s+/);
    const [port, listedProtocol] = place?.split("/") ?? [];
    if (listed === name && listedProtocol === protocol) return Number(port);
  }
  return undefined;
}
