/** `--metrics` of `portolan serve` and `portolan up`: where it is, who holds it, and that a reload loses no scrape. */
import { once } from "node:events";
import { Agent, get, type IncomingMessage } from "node:http";
import { closeThreadReactor } from "portolan/reactor";
import { afterAll, describe, expect, it } from "vitest";
import { familiesOf, figureIn } from "../support/metrics.ts";
import { until } from "../support/until.ts";
import { echoOfStream } from "./echoes.ts";
import { type Program, portolan, scratchFolder, shell, start } from "./portolan.ts";

const USAGE = 64;
const UNAVAILABLE = 69;
const ECHO = ["serve", "echo", "--listen", "tcp://127.0.0.1:0"];

afterAll(() => closeThreadReactor());

interface MetricsEvent {
  readonly endpoint: string;
  readonly url?: string;
  readonly pid: number;
  readonly try: readonly { readonly command: string; readonly installed: boolean }[];
}

/** Waits until so many processes have said where their metrics are. */
function announced(program: Program, count = 1): Promise<MetricsEvent[]> {
  return program.until(`${count} metrics events`, () => {
    const events = program.events("metrics") as unknown as MetricsEvent[];
    return events.length >= count ? events : undefined;
  });
}

/** One scrape. */
async function scrape(url: string, agent: Agent | false = false): Promise<{ text: string; head: IncomingMessage }> {
  const request = get(url, { agent });
  const [head] = (await once(request, "response")) as [IncomingMessage];
  let text = "";
  for await (const chunk of head) text += chunk;
  expect(head.statusCode).toBe(200);
  return { text, head };
}

describe("portolan serve --metrics", () => {
  it("tells in JSON where, and there what the clients did", async () => {
    await using program = start([...ECHO, "--metrics", "0", "--json"]);
    const [metrics] = await announced(program);
    expect(metrics?.url).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/metrics$/);
    expect(metrics?.endpoint).toMatch(/^tcp:\/\/127\.0\.0\.1:\d+$/);
    expect(metrics?.pid).toBe(program.pid);
    const [listening] = await program.listening(1);
    for (let i = 0; i < 3; i++) await echoOfStream(listening?.endpoint ?? "", "12345678");
    const { text } = await scrape(metrics?.url ?? "");
    expect(figureIn(text, "portolan_connections_accepted_total", 'service="echo"', 'design="epoll"')).toBe(3);
    expect(figureIn(text, "portolan_received_bytes_total")).toBe(24);
    expect(figureIn(text, "portolan_loop_pass_seconds_count")).toBeGreaterThan(0);
    program.signal("SIGTERM");
    expect(await program.end()).toMatchObject({ status: 0, stderr: "" });
  });

  it.each(["tcp", "unix"])("tells people where, with a command that works when pasted, over %s", async (transport) => {
    using scratch = scratchFolder();
    const where = transport === "tcp" ? "tcp://127.0.0.1:0" : `unix://${scratch.path}/metrics`;
    await using program = start([...ECHO, "--metrics", where]);
    await program.until("its last line", () => program.stdout.includes("Ctrl-C stops.\n") || undefined);
    expect(program.stdout).toMatch(/^metrics {2}for Prometheus/m);
    const [, command] = /^ {6}(curl .*)$/m.exec(program.stdout) ?? [];
    // Without curl there is no command.
    if (command !== undefined) {
      const { status, stdout } = await shell(command);
      expect(status).toBe(0);
      expect(familiesOf(stdout)).toContain("process_cpu_seconds_total");
    }
    program.signal("SIGINT");
    expect(await program.end()).toMatchObject({ status: 0, stderr: "" });
  });

  it("says who holds the port, and serves nothing then", async () => {
    await using holder = start([...ECHO, "--json"]);
    const [held] = await holder.listening(1);
    const port = held?.endpoint.split(":")[2] as string;
    const { status, stdout, stderr } = await portolan([...ECHO, "--metrics", port, "--json"]);
    expect(status).toBe(UNAVAILABLE);
    expect(stdout).toBe("");
    expect(stderr).toContain(`EADDRINUSE 127.0.0.1:${port}`);
    expect(stderr).toContain(`held by pid ${holder.pid} `);
    expect(stderr).toMatch(/; end that, or choose another with --metrics; port 0 is any that is free\n$/);
    expect(stderr.trimEnd().split("\n")).toHaveLength(1);
  });

  it.each([
    ["65536", /--metrics takes a port from 0 to 65535, not 65536/],
    ["udp://127.0.0.1:9464", /--metrics takes a port, tcp:\/\/… or unix:\/\/…, .* not udp:/],
    ["here", /--metrics takes a port .*, such as 9464, or an endpoint, .*, not "here"/],
    ["tcp://256.0.0.1:1", /is no IPv4 address/],
  ])("refuses %s as usage", async (where, message) => {
    const { status, stderr } = await portolan([...ECHO, "--metrics", where]);
    expect(status).toBe(USAGE);
    expect(stderr).toMatch(message);
  });

  it("ends in time while scrapers are connected", async () => {
    await using program = start([...ECHO, "--metrics", "0", "--json"]);
    const [metrics] = await announced(program);
    const agent = new Agent({ keepAlive: true });
    await scrape(metrics?.url ?? "", agent);
    program.signal("SIGTERM");
    expect(await program.end()).toMatchObject({ status: 0, stderr: "" });
    agent.destroy();
  });
});

it("portolan up --metrics tells of every server", async () => {
  const args = ["up", "--any-port", "--only", "echo,daytime", "--metrics", "0", "--json"];
  await using program = start(args);
  const [metrics] = await announced(program);
  const listening = await program.listening(1);
  const { text } = await scrape(metrics?.url ?? "");
  for (const { service, endpoint } of listening) {
    const labels = [`service="${service}"`, `endpoint="${endpoint}"`];
    expect(figureIn(text, "portolan_received_bytes_total", ...labels), endpoint).toBe(0);
  }
  program.signal("SIGTERM");
  expect(await program.end()).toMatchObject({ status: 0, stderr: "" });
});

describe("a reload", () => {
  it("loses no scrape, by new connections nor by one that stays", async () => {
    await using program = start([...ECHO, "--metrics", "0", "--grace", "30", "--json"]);
    const [first] = await announced(program);
    const url = first?.url as string;
    const starts: number[] = [];
    let isStopping = false;
    const scrapeOften = async (agent: Agent | false): Promise<void> => {
      while (!isStopping) {
        const { text } = await scrape(url, agent);
        // The whole of it: the servers' figures too.
        expect(figureIn(text, "portolan_connections_active")).toBe(0);
        starts.push(figureIn(text, "process_start_time_seconds") as number);
      }
    };
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    const scrapers = Promise.all([scrapeOften(false), scrapeOften(agent)]);
    let failure: Error | undefined;
    scrapers.catch((error: Error) => {
      failure = error;
    });
    const enough = async (): Promise<void> => {
      const count = starts.length + 20;
      await until(() => failure !== undefined || starts.length >= count);
    };
    await enough();
    expect(await portolan(["reload", String(program.pid)])).toMatchObject({ status: 0, stderr: "" });
    const [, second] = await announced(program, 2);
    await enough();
    isStopping = true;
    await scrapers;
    expect(second).toMatchObject({ endpoint: first?.endpoint, url });
    expect(second?.pid).not.toBe(first?.pid);
    // Of the one process and then of the other.
    expect(new Set(starts).size).toBe(2);
    expect(starts.at(-1)).toBe(Math.max(...starts));
    agent.destroy();
    process.kill(second?.pid ?? program.pid, "SIGTERM");
    expect(await program.end()).toMatchObject({ stderr: "" });
  });
});
