/**
 * `portolan demo NAME` of a service: its server and its client together in one terminal, over each transport that it has,
 * with the commands that would do the same in two.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { type Server, serve } from "../../../server/index.ts";
import { EXIT, type ExitStatus, type ServiceEntry, trialCommands } from "../../../service/index.ts";
import { pasteable } from "../../self-command.ts";
import type { Demo, DemoEntry, Stage } from "./table.ts";

const main = fileURLToPath(new URL("../../main.js", import.meta.url));

/** The demo of a service. */
export function serviceDemo(entry: ServiceEntry): DemoEntry {
  const demo: Demo = { run: (stage) => run(entry, stage) };
  return {
    name: entry.name,
    summary: `server and client of ${entry.name}, together`,
    load: () => Promise.resolve(demo),
  };
}

async function run(entry: ServiceEntry, stage: Stage): Promise<ExitStatus | undefined> {
  stage.step({
    name: "about",
    text: `${entry.name} ${entry.summary} (${entry.specification}).`,
    fields: { service: entry.name, specification: entry.specification },
  });
  for (const transport of entry.transports.filter((candidate) => candidate !== "unix")) {
    stage.signal.throwIfAborted();
    const server = await serve(entry.reference(), { listen: `${transport}://127.0.0.1:0`, placement: "node" });
    let status: ExitStatus;
    try {
      status = await converse(entry, server, stage);
    } finally {
      await server.stop({ graceMs: 0 });
    }
    if (status !== EXIT.OK) return status;
  }
  return undefined;
}

/** Shows both commands, runs the client, and says what the server has counted. */
async function converse(entry: ServiceEntry, server: Server, stage: Stage): Promise<ExitStatus> {
  const { endpoint } = server;
  const command = trialCommands(entry, endpoint).find(({ program }) => program === "portolan")?.command ?? "";
  const typed = entry.trial.typed ?? "";
  const how = typed === "" ? "" : `, and somebody types ${typed.trimEnd().split("\n").join(", ")}`;
  const serving = pasteable(`portolan serve ${entry.name} --listen ${endpoint}`, stage.self);
  stage.step({ name: "serve", text: `\nserver  ${serving}`, fields: { endpoint, command: serving } });
  const calling = pasteable(command, stage.self);
  stage.step({ name: "call", text: `client  ${calling}${how}`, fields: { endpoint, command: calling } });
  const status = await runClient(entry, endpoint, stage);
  const counters = server.counters();
  stage.step({ name: "counters", text: `server  ${describe(counters)}`, fields: { endpoint, ...counters } });
  return status;
}

async function runClient({ name, trial }: ServiceEntry, endpoint: string, stage: Stage): Promise<ExitStatus> {
  const args = [main, "call", name, endpoint, ...wordsOf(trial.callArguments)];
  const child = spawn(process.execPath, args, { stdio: ["pipe", "pipe", "pipe"] });
  const kill = (): boolean => child.kill("SIGTERM");
  stage.signal.addEventListener("abort", kill, { once: true });
  // A client that needs no input may end before it has taken it.
  child.stdin.on("error", () => {});
  child.stdin.end(trial.typed ?? "");
  for (const [stream, output] of [child.stdout, child.stderr].entries()) {
    createInterface({ input: output }).on("line", (line) => {
      stage.step({ name: "output", text: `      | ${line}`, fields: { line, isError: stream === 1 } });
    });
  }
  const [status] = await once(child, "close");
  stage.signal.removeEventListener("abort", kill);
  stage.signal.throwIfAborted();
  return (status as number | null) ?? EXIT.SOFTWARE;
}

/** The words of a command line whose quotes are single ones. */
function wordsOf(line: string): string[] {
  return [...line.matchAll(/'([^']*)'|(\S+)/g)].map(([, quoted, plain]) => quoted ?? plain ?? "");
}

function describe(counters: ReturnType<Server["counters"]>): string {
  const { accepted, bytesIn, bytesOut, datagramsIn, datagramsOut } = counters;
  const what =
    datagramsIn > 0 ? `${counted(datagramsIn, "datagram")} in, ${datagramsOut} out` : counted(accepted, "connection");
  return `has seen ${what}; ${counted(bytesIn, "byte")} in, ${bytesOut} out`;
}

function counted(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? "" : "s"}`;
}
