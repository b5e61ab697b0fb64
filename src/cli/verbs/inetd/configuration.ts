/** What the subcommands share: reading a configuration, and telling what is wrong with it. */
import { type ConfigProblem, type ReadConfig, readConfigFile } from "../../../inetd/index.ts";
import { EXIT, unreadable } from "../../../service/index.ts";
import { Failure } from "../../failure.ts";

/** @throws Failure where the file cannot be read at all. */
export function readConfiguration(path: string): ReadConfig {
  try {
    return readConfigFile(path);
  } catch (error) {
    const what = { path, what: "a configuration", cure: "give a file in the form of inetd.conf, xinetd.conf or YAML" };
    if ((error as NodeJS.ErrnoException).code !== undefined) throw unreadable(what, error);
    throw new Failure(EXIT.NOINPUT, `the configuration cannot be read: ${(error as Error).message}`, { cause: error });
  }
}

/** `inetd.conf:3: error: what is wrong; what to write`, as compilers say it. */
export function describeProblem({ origin, severity, message, cure }: ConfigProblem): string {
  return `${origin.file}:${origin.line}: ${severity}: ${message}${cure === undefined ? "" : `; ${cure}`}`;
}
