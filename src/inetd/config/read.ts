/** From a file to a configuration, whichever form it is in. */
import type { ReadConfig } from "../model.ts";
import { parseClassic } from "./classic.ts";
import { type ConfigWorld, systemWorld } from "./world.ts";
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

/** Reads the text of a configuration, as {@link readConfigFile} reads a file. */
export function parseConfig(text: string, file: string, world: ConfigWorld = systemWorld): ReadConfig {
  return READERS[formOf(text, file)](text, file, world);
}

const READERS = { inetd: parseClassic, xinetd: parseXinetd, yaml: parseYaml } as const;

/** The form of a text, from its file's name or the first thing that it says: each begins as no other can. */
function formOf(text: string, file: string): ConfigForm {
  if (/\.(?:ya?ml|json)$/.test(file)) return "yaml";
  const first = text.split("\n").find((line) => /^\s*[^\s#]/.test(line)) ?? "";
  if (/^(?:---|%YAML|\{|["']?(?:services|log|maxInstances|\$schema)["']?\s*:(?:\s|$))/.test(first)) return "yaml";
  const isEntry = /^\s*(?:defaults|(?:service|include|includedir)\s+\S+)\s*(?:\{\s*)?$/.test(first);
  return isEntry ? "xinetd" : "inetd";
}
