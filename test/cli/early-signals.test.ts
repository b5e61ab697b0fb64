/**
 * Signals that come while a server starts, at a moment that a module loaded before it chooses: what was made is removed, what
 * is a predecessor's is left alone, and a wish to reload is not forgotten.
 */
import { readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { describe, expect, it } from "vitest";
import { echoOfStream } from "./echoes.ts";
import { type Listening, Program, root, scratchFolder } from "./portolan.ts";

const main = join(root, "dist/cli/main.js");
const load = `await import(${JSON.stringify(pathToFileURL(main).href)});`;
/** As soon as the first of its threads is being started: then something listens, and not everything serves. */
const whileStarting = (act: string): string => `process.once("worker", () => { ${act} });\n${load}`;
/** As soon as it can hear of it. */
const atOnce = (signal: string): string => `
  const { on } = process;
  process.on = (name, ...rest) => {
    on.call(process, name, ...rest);
    if (name === "${signal}") process.kill(process.pid, name);
    return process;
  };
  ${load}`;
const kill = (signal: string): string => `process.kill(process.pid, "${signal}");`;

/** The command, by way of a module of the test's. */
function startBy(module: string, args: readonly string[], environment?: NodeJS.ProcessEnv): Program {
  return new Program(process.execPath, [module, ...args, "--json"], environment);
}

describe("a signal during the start", () => {
  it.each(["SIGTERM", "SIGINT"])("%s ends it, and no socket is left", async (signal) => {
    using scratch = scratchFolder();
    using modules = scratchFolder();
    const module = join(modules.path, "main.mjs");
    writeFileSync(module, whileStarting(kill(signal)));
    const listen = ["a", "b", "c"].flatMap((name) => ["--listen", `unix://${scratch.path}/${name}.sock`]);
    await using program = startBy(module, ["serve", "echo", ...listen]);
    expect(await program.end()).toMatchObject({ status: 0, stderr: "" });
    expect(program.events("listening")).toEqual([]);
    expect(program.events("stopped")).toHaveLength(1);
    expect(readdirSync(scratch.path)).toEqual([]);
  });

  it("a second one ends it at once, and no socket is left either", async () => {
    using scratch = scratchFolder();
    using modules = scratchFolder();
    const module = join(modules.path, "main.mjs");
    writeFileSync(module, whileStarting(`${kill("SIGTERM")} setTimeout(() => { ${kill("SIGINT")} });`));
    await using program = startBy(module, ["serve", "echo", "--listen", `unix://${scratch.path}/a.sock`]);
    const { status } = await program.end();
    // Where the thread was quick, it was stopped as after one.
    expect([0, 130]).toContain(status);
    expect(readdirSync(scratch.path)).toEqual([]);
  });

  it("SIGHUP is kept until it serves: then another takes over", async () => {
    using scratch = scratchFolder();
    using modules = scratchFolder();
    const module = join(modules.path, "main.mjs");
    const listen = `unix://${scratch.path}/echo.sock`;
    writeFileSync(
      module,
      whileStarting(`if (!("PORTOLAN_RELOADED" in process.env)) {
      process.env.PORTOLAN_RELOADED = "1";
      ${kill("SIGHUP")}
    }`),
    );
    await using program = startBy(module, ["serve", "echo", "--listen", listen]);
    const [, second] = await program.listening(2);
    await program.until("the end of the first", () => program.events("stopped")[0]);
    expect(await echoOfStream(listen, "hello")).toBe("hello");
    process.kill((second as Listening).pid, "SIGTERM");
    expect(await program.end()).toMatchObject({ stderr: "" });
    expect(readdirSync(scratch.path)).toEqual([]);
  });
});

describe("a new process that is told to stop before it serves", () => {
  it.each([
    ["at once", atOnce("SIGTERM")],
    ["when it has some of the sockets", whileStarting(kill("SIGTERM"))],
  ])("%s leaves the old one's sockets where they are", async (_, bad) => {
    using scratch = scratchFolder();
    using modules = scratchFolder();
    const module = join(modules.path, "main.mjs");
    writeFileSync(module, load);
    const listen = ["a", "b"].map((name) => `unix://${scratch.path}/${name}.sock`);
    const flags = listen.flatMap((endpoint) => ["--listen", endpoint]);
    await using program = startBy(module, ["serve", "echo", ...flags]);
    await program.listening(2);
    writeFileSync(module, bad);
    program.signal("SIGHUP");
    const failed = await program.until("the failure", () => program.events("reload failed")[0]);
    expect(failed.message).toBe("the new process was told to stop before it served");
    for (const endpoint of listen) expect(await echoOfStream(endpoint, "still here")).toBe("still here");
    program.signal("SIGTERM");
    expect(await program.end()).toMatchObject({ status: 0, stderr: "" });
    expect(readdirSync(scratch.path)).toEqual([]);
  });

  it("leaves the old one's folder", async () => {
    using scratch = scratchFolder();
    using modules = scratchFolder();
    const module = join(modules.path, "main.mjs");
    writeFileSync(module, load);
    const args = ["up", "--only", "echo", "--any-port", "--design", "iterative"];
    await using program = startBy(module, args, { TMPDIR: scratch.path });
    const endpoints = (await program.listening(3)).map(({ endpoint }) => endpoint);
    const unix = endpoints.find((endpoint) => endpoint.startsWith("unix:")) as string;
    writeFileSync(module, whileStarting(kill("SIGTERM")));
    program.signal("SIGHUP");
    await program.until("the failure", () => program.events("reload failed")[0]);
    expect(await echoOfStream(unix, "still here")).toBe("still here");
    // And it can be handed on still.
    writeFileSync(module, load);
    program.signal("SIGHUP");
    const { successor } = await program.until("the hand-over", () => program.events("stopping")[0]);
    await program.until("the old one's end", () => program.events("stopped").find(({ pid }) => pid === program.pid));
    expect(await echoOfStream(unix, "renewed")).toBe("renewed");
    process.kill(successor as number, "SIGTERM");
    await program.end();
    expect(readdirSync(scratch.path)).toEqual([]);
  });
});
