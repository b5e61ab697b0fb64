/** From a file to a configuration, whichever form it is in. */
import type { ReadConfig } from "../model.ts";
import { parseClassic } from "./classic.ts";
import { type ConfigWorld, systemWorld } from "./world.ts";
import { isKeyword } from "./xinetd/syntax.ts";
import { parseXinetd } from "./xinetd/xinetd.ts";
import { parseYaml } from "./yaml/yaml.ts";

/** The forms that a configuration may have. */
type ConfigForm = "inetd" | "xinetd" | "yaml";

/**
 * Reads a configuration. What is wrong in it is told, never thrown; the services that are in order are there.
 * @param path of the file, as messages are to call it.
 * @throws Error of Node's where the file cannot be read, and Error for one that is no file or far too long.
 */
export function readConfigFile(path: string, world: ConfigWorld = systemWorld): ReadConfig {
  return parseConfig(world.readFile(path), path, world);
}

/**
 * Reads the text of a configuration, as {@link readConfigFile} reads a file.
 *
 *     const { config } = parseConfig("echo stream tcp nowait root internal\n", "inetd.conf");
 */
export function parseConfig(text: string, file: string, world: ConfigWorld = systemWorld): ReadConfig {
  // Editors of other systems mark UTF-8 by a character that nobody sees.
  const content = text.startsWith(BYTE_ORDER_MARK) ? text.slice(BYTE_ORDER_MARK.length) : text;
  return READERS[formOf(content, file)](content, file, world);
}

const BYTE_ORDER_MARK = "\ufeff";

const READERS = { inetd: parseClassic, xinetd: parseXinetd, yaml: parseYaml } as const;

/** The form of a text, from its file's name or the first thing that it says: each begins as no other can. */
function formOf(text: string, file: string): ConfigForm {
  if (/\.(?:ya?ml|json)$/.test(file)) return "yaml";
  const first = text.split("\n").find((line) => /^\s*[^\s#]/.test(line)) ?? "";
  if (/^(?:---|%YAML|\{|["']?(?:services|log|maxInstances|\$schema)["']?\s*:(?:\s|$))/.test(first)) return "yaml";
  const [word = "", next = ""] = first.trim().split(/\s+/);
  // A line of inetd.conf for a service of that name has its socket's type next.
  const isLine = /^(?:dgram|raw|rdm|seqpacket|stream)$/.test(next);
  return isKeyword(word) && !isLine ? "xinetd" : "inetd";
}
