/** `portolan inetd --metrics`: what the super-server tells of its services, through a reload, and what it cannot do. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { connect } from "portolan";
import { closeThreadReactor } from "portolan/reactor";
import { afterAll, describe, expect, it } from "vitest";
import { ask, PATIENCE_MS } from "../support/inetd-kit.ts";
import { familiesOf, figureIn } from "../support/metrics.ts";
import { until } from "../support/until.ts";
import { type Program, portolan, scratchFolder, shell, start } from "./portolan.ts";

afterAll(() => closeThreadReactor());

const UNAVAILABLE = 69;
const NO_SUCH_FILE = 66;

interface Services {
  readonly path: string;
  /** Writes the configuration; all listen at unix sockets of their names. */
  write(services: Readonly<Record<string, object>>): void;
  at(name: string): string;
}

function servicesIn(folder: string): Services {
  const path = join(folder, "inetd.yaml");
  const at = (name: string): string => `unix://${folder}/${name}.sock`;
  return {
    path,
    at,
    write(services) {
      const entries = Object.entries(services).map(([name, service]) => [name, { listen: at(name), ...service }]);
      writeFileSync(path, JSON.stringify({ services: Object.fromEntries(entries) }));
    },
  };
}

const shellScript = (script: string): object => ({ program: "/bin/sh", arguments: ["-c", script] });

async function metricsOf(program: Program): Promise<() => Promise<string>> {
  const { url } = await program.until("where its metrics are", () => program.events("metrics")[0]);
  return async () => {
    const answer = await fetch(url as string);
    expect(answer.status).toBe(200);
    return await answer.text();
  };
}

/** Scrapes until what it says is so. */
async function scrapeUntil(scrape: () => Promise<string>, isSo: (text: string) => boolean): Promise<string> {
  for (const untilMs = performance.now() + PATIENCE_MS; ; ) {
    const text = await scrape();
    if (isSo(text)) return text;
    if (performance.now() > untilMs) throw new Error(`waited in vain for ${isSo}`);
  }
}

describe("portolan inetd --metrics", () => {
  it("tells of each service what was started, refused, and how it ended; a reload keeps endpoint and counters", async () => {
    using folder = scratchFolder();
    const services = servicesIn(folder.path);
    const first = {
      cat: { program: "/bin/cat", limits: { instances: 1 } },
      fails: shellScript("exit 3"),
      killed: shellScript("kill -9 $$"),
      echo: { builtin: "echo" },
    };
    services.write(first);
    await using program = start(["inetd", "--config", services.path, "--metrics", "0", "--json"]);
    const scrape = await metricsOf(program);
    for (let i = 0; i < 3; i++) {
      expect(await ask(services.at("cat"), "hello\n")).toBe("hello\n");
      // Until that is known, the next one would be one too many.
      await program.until("its end", () => program.events("exit")[i]);
    }
    for (let i = 0; i < 2; i++) await ask(services.at("fails"));
    await ask(services.at("killed"));
    expect(await ask(services.at("echo"), "hello\n")).toBe("hello\n");
    await program.until("the ends", () => program.events("exit")[6]);

    // One may be there at a time: the second is refused.
    using held = await connect(services.at("cat"));
    await program.until("the start", () => program.events("start")[7]);
    expect(await ask(services.at("cat"))).toBe("");
    const text = await scrape();
    const figure = (name: string, service: string, ...labels: string[]): number | undefined =>
      figureIn(text, `portolan_inetd_${name}`, `service="${service}"`, ...labels);
    expect(figure("running", "cat")).toBe(1);
    expect(figure("resting", "cat")).toBe(0);
    expect(figure("started_total", "cat")).toBe(4);
    expect(figure("refused_total", "cat", 'reason="service_limit"')).toBe(1);
    expect(figure("refused_total", "cat")).toBe(1);
    expect(figure("exits_total", "cat", 'status="0"')).toBe(3);
    expect(figure("killed_total", "cat")).toBeUndefined();
    expect(figure("duration_seconds_count", "cat")).toBe(3);
    const lasted = program.events("exit").filter(({ service }) => service === "cat");
    const sum = lasted.reduce((seconds, { durationSeconds }) => seconds + (durationSeconds as number), 0);
    expect(figure("duration_seconds_sum", "cat")).toBeCloseTo(sum, 6);
    expect(figure("duration_seconds_bucket", "cat", 'le="+Inf"')).toBe(3);
    expect(figure("exits_total", "fails", 'status="3"')).toBe(2);
    expect(figure("killed_total", "killed", 'signal="9"')).toBe(1);
    expect([figure("started_total", "echo"), figure("duration_seconds_count", "echo")]).toEqual([1, 1]);
    expect(figure("exits_total", "echo")).toBeUndefined();

    // Another program behind the same name, one service more, and one less.
    const { fails: _, ...rest } = first;
    services.write({ ...rest, cat: { program: "/usr/bin/tr", arguments: ["a-z", "A-Z"] }, more: { builtin: "echo" } });
    program.signal("SIGHUP");
    await program.until("the reload", () => program.events("reloaded")[0]);
    expect(await ask(services.at("cat"), "hello\n")).toBe("HELLO\n");
    held.close();
    await program.until("all ends", () => program.events("exit")[8]);
    const after = await scrape();
    expect(figureIn(after, "portolan_inetd_duration_seconds_count", 'service="cat"')).toBe(5);
    expect(figureIn(after, "portolan_inetd_started_total", 'service="cat"')).toBe(5);
    expect(figureIn(after, "portolan_inetd_refused_total", 'service="cat"')).toBe(1);
    expect(figureIn(after, "portolan_inetd_exits_total", 'service="cat"')).toBe(5);
    expect(figureIn(after, "portolan_inetd_started_total", 'service="more"')).toBe(0);
    expect(figureIn(after, "portolan_inetd_started_total", 'service="fails"')).toBeUndefined();
    expect(program.events("metrics")).toHaveLength(1);
    program.signal("SIGTERM");
    expect(await program.end()).toMatchObject({ status: 0, stderr: "" });
  });

  it("tells of rests, of datagrams, and of servers of ours", async () => {
    using folder = scratchFolder();
    const services = servicesIn(folder.path);
    const listen = "udp://127.0.0.1:0";
    services.write({
      rests: { program: "/bin/cat", limits: { connectionsPerSecond: 1, restSeconds: 600 } },
      letters: { builtin: "echo", listen, options: { rate: 0 } },
      designed: { builtin: "echo", design: "poll", listen: "tcp://127.0.0.1:0" },
    });
    await using program = start(["inetd", "--config", services.path, "--metrics", "0", "--json"]);
    const scrape = await metricsOf(program);
    // The second within a second is refused, and brings the rest; a third would wait for its end.
    const rests = (): number => program.events("rest").length;
    for (let i = 0; rests() === 0; i++) {
      void ask(services.at("rests")).catch(() => {});
      await until(() => rests() > 0 || program.events("start").length + program.events("fail").length > i);
    }
    const endpointOf = (name: string): string =>
      program.events("listening").find(({ service }) => service === name)?.endpoint as string;
    using letters = await connect(endpointOf("letters"));
    for (let i = 0; i < 4; i++) {
      await letters.send("12345678");
      await letters.recv(100);
    }
    expect(await ask(endpointOf("designed"), "hello\n")).toBe("hello\n");
    // Its start is told to this thread after it has answered.
    const accepted = (now: string): number | undefined =>
      figureIn(now, "portolan_connections_accepted_total", 'service="echo"', 'design="poll"');
    const text = await scrapeUntil(scrape, (now) => accepted(now) !== undefined);
    expect(accepted(text)).toBe(1);
    expect(figureIn(text, "portolan_inetd_resting", 'service="rests"')).toBe(1);
    expect(figureIn(text, "portolan_inetd_rests_total", 'service="rests"')).toBe(1);
    expect(figureIn(text, "portolan_inetd_refused_total", 'service="rests"', 'reason="cps"')).toBe(1);
    expect(figureIn(text, "portolan_inetd_started_total", 'service="letters"')).toBe(4);
    expect(figureIn(text, "portolan_inetd_started_total", 'service="designed"')).toBe(1);
    program.signal("SIGTERM");
    expect((await program.end()).status).toBe(0);
  });

  it("tells people where, with a command that works when pasted", async () => {
    using folder = scratchFolder();
    const services = servicesIn(folder.path);
    services.write({ echo: { builtin: "echo" } });
    const where = `unix://${folder.path}/metrics`;
    await using program = start(["inetd", "--config", services.path, "--metrics", where]);
    await program.until("where", () =>
      program.stdout.includes(`metrics for Prometheus at ${where}\n`) ? true : undefined,
    );
    const [, command] = /^ {6}(curl .*)$/m.exec(program.stdout) ?? [];
    // Without curl there is no command.
    if (command !== undefined) expect(familiesOf((await shell(command)).stdout)).toContain("portolan_inetd_running");
    program.signal("SIGINT");
    expect(await program.end()).toMatchObject({ status: 0, stderr: "" });
  });

  it("says who holds the port, and serves nothing then; and leaves nothing where there is no configuration", async () => {
    using folder = scratchFolder();
    const services = servicesIn(folder.path);
    services.write({ echo: { builtin: "echo", listen: "tcp://127.0.0.1:0" } });
    await using holder = start(["inetd", "--config", services.path, "--json"]);
    const [held] = await holder.listening(1);
    const port = held?.endpoint.split(":")[2] as string;
    const refused = await portolan(["inetd", "--config", services.path, "--metrics", port, "--json"]);
    expect(refused).toMatchObject({ status: UNAVAILABLE, stdout: "" });
    expect(refused.stderr).toContain(`EADDRINUSE 127.0.0.1:${port}`);
    const missing = await portolan(["inetd", "--config", `${folder.path}/none`, "--metrics", "0"]);
    expect(missing.status).toBe(NO_SUCH_FILE);
  });
});
