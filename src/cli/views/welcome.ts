/** What is printed when servers have started: each endpoint, and what to type to try it. */
import type { MetricsEndpoint } from "../../server/index.ts";
import { trialCommands } from "../../service/index.ts";
import { parseEndpoint } from "../../socket/index.ts";
import type { Colours } from "../colours.ts";
import type { Fleet, Member } from "../fleet.ts";
import { tryMetrics } from "../metrics.ts";
import { isInstalled, pasteable } from "../self-command.ts";
import { plural } from "../table.ts";

/** With more endpoints than these, one command for each must do. */
const MAX_ENDPOINTS_WITH_ALL_COMMANDS = 6;

export function welcome(fleet: Fleet, metrics: MetricsEndpoint | undefined, self: string, colours: Colours): string[] {
  const { members } = fleet;
  const lines: string[] = [];
  const commandCount = members.length > MAX_ENDPOINTS_WITH_ALL_COMMANDS ? 1 : Number.POSITIVE_INFINITY;
  let service = "";
  for (const member of members) {
    const { entry, server } = member;
    if (entry.name !== service) {
      service = entry.name;
      const about = `${entry.summary} (${entry.specification}), design ${server.design}`;
      if (lines.length > 0) lines.push("");
      lines.push(`${colours.bold(service)}  ${colours.dim(about)}`);
    }
    lines.push(`  ${colours.green(server.endpoint)}`);
    for (const command of commandsFor(member, self).slice(0, commandCount)) lines.push(`      ${command}`);
  }
  if (metrics !== undefined) {
    const { command, installed } = tryMetrics(metrics);
    lines.push("", `${colours.bold("metrics")}  ${colours.dim("for Prometheus, in its text format")}`);
    lines.push(`  ${colours.green(metrics.url ?? metrics.endpoint)}`);
    if (installed) lines.push(`      ${command}`);
  }
  return [...lines, "", `Listening at ${plural(members.length, "endpoint")}${reach(members)}. Ctrl-C stops.`];
}

/** Commands that can be run here. */
function commandsFor({ entry, server }: Member, self: string): string[] {
  return trialCommands(entry, server.endpoint)
    .filter(({ program }) => isInstalled(program))
    .map(({ command }) => pasteable(command, self));
}

/** Who can connect. */
function reach(members: readonly Member[]): string {
  const isOpen = members.some(({ server }) => {
    const { address } = parseEndpoint(server.endpoint);
    if (address.family === "inet") return !address.address.startsWith("127.");
    return address.family === "inet6" && address.address !== "::1";
  });
  return isOpen ? ", open to other machines" : ", for this machine only";
}
