/** The option that several verbs have: where their metrics can be read. */
import type { Command } from "commander";
import { parseEndpoint } from "../socket/index.ts";
import { checkingUsage, usage } from "./failure.ts";
import { parser } from "./options.ts";

const MAX_PORT = 65_535;

export function addMetricsOption(command: Command): Command {
  return command.option(
    "--metrics <where>",
    "tell Prometheus how it goes, over HTTP: a port of this machine, such as 9464, or an endpoint",
    parser(readMetricsEndpoint),
  );
}

/** A port, which is one of 127.0.0.1, or an endpoint over which HTTP is spoken. */
function readMetricsEndpoint(text: string): string {
  if (/^\d+$/.test(text)) {
    if (Number(text) <= MAX_PORT) return `tcp://127.0.0.1:${Number(text)}`;
    throw usage(`--metrics takes a port from 0 to ${MAX_PORT}, not ${text}`);
  }
  if (!text.includes("://")) {
    throw usage(
      `--metrics takes a port of this machine, such as 9464, or an endpoint, such as tcp://127.0.0.1:9464, not "${text}"`,
    );
  }
  const { transport } = checkingUsage(() => parseEndpoint(text));
  if (transport === "tcp" || transport === "unix") return text;
  throw usage(`--metrics takes a port, tcp://… or unix://…, over which HTTP is spoken, not ${text}`);
}
