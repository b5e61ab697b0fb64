/** Where metrics are told, from the start of a program to its end, or to that of a process that goes on with them. */
import { type MetricsEndpoint, type MetricsOptions, serveMetrics } from "../server/index.ts";
import { EXIT } from "../service/index.ts";
import { isSystemError } from "../socket/index.ts";
import { asUsage, Failure } from "./failure.ts";
import { isInstalled } from "./self-command.ts";
import type { Inheritance } from "./succession/inheritance.ts";

/** In place of a service's name, what is handed to a successor. No service has such a name. */
export const METRICS_ESTATE = "--metrics";

/**
 * Serves the metrics, on the socket of a process before this one where there is one.
 * @throws Failure that says who holds the address; SystemError.
 */
export async function startMetrics(
  listen: string,
  told: Pick<MetricsOptions, "others" | "servers">,
  inheritance: Inheritance | undefined,
): Promise<MetricsEndpoint> {
  const [listenFd] = inheritance?.take(METRICS_ESTATE, listen) ?? [];
  try {
    return await serveMetrics(listenFd === undefined ? { listen, ...told } : { listenFd, ...told });
  } catch (error) {
    if (!isSystemError(error, "EADDRINUSE")) throw asUsage(error);
    const cure = "end that, or choose another with --metrics; port 0 is any that is free";
    throw new Failure(EXIT.UNAVAILABLE, `metrics: ${error.message}; ${cure}`, { cause: error });
  }
}

/** What JSON says of it. */
export function metricsEvent(metrics: MetricsEndpoint): object {
  const { endpoint, url } = metrics;
  return { event: "metrics", endpoint, url, pid: process.pid, try: [tryMetrics(metrics)] };
}

/** What to type to read them. */
export function tryMetrics({ url, endpoint }: MetricsEndpoint): {
  program: string;
  command: string;
  installed: boolean;
} {
  const name = endpoint.slice("unix://".length);
  const at = name.startsWith("@") ? `--abstract-unix-socket ${quoted(name.slice(1))}` : `--unix-socket ${quoted(name)}`;
  const command = `curl -s ${url ?? `${at} http://localhost/metrics`}`;
  return { program: "curl", command, installed: isInstalled("curl") };
}

/** As one word of a shell. */
function quoted(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
