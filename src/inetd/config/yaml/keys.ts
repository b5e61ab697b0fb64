/** The names of things in the YAML form, for the reader and the writer alike. */
import type { RLimits } from "../../model.ts";

/** Limits by their keys in YAML, and whether they are counted in bytes. */
export const RLIMIT_KEYS: readonly (readonly [key: string, name: keyof RLimits])[] = [
  ["addressSpace", "addressSpaceBytes"],
  ["core", "coreBytes"],
  ["cpuSeconds", "cpuSeconds"],
  ["data", "dataBytes"],
  ["fileSize", "fileSizeBytes"],
  ["openFiles", "openFiles"],
  ["processes", "processes"],
  ["stack", "stackBytes"],
];

/** The keys that make sense only where a program answers, and only where a service of ours does. */
export const PROGRAM_KEYS = [
  "arguments",
  "calledAs",
  "wait",
  "user",
  "group",
  "groups",
  "directory",
  "root",
  "passEnvironment",
  "environment",
  "umask",
  "nice",
  "rlimits",
  "activation",
  "errorsTo",
] as const;
export const BUILT_IN_KEYS = ["options", "design"] as const;

export const UNLIMITED = "unlimited";
