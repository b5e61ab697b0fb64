/**
 * Our clients against servers that others wrote: Python's standard library, and socat with the programs of the system.
 * xinetd's are in services.test.ts, those in C in services-c.test.ts.
 */
import { fileURLToPath } from "node:url";
import { closeThreadReactor } from "portolan/reactor";
import { EXIT } from "portolan/service";
import { afterAll, beforeAll, describe, expect, it, type TestContext } from "vitest";
import { needs, Program } from "../cli/portolan.ts";
import { needsProgram } from "../support/programs.ts";
import { type Called, type CallWish, callService } from "../support/service-calls.ts";

afterAll(closeThreadReactor);

const LETTERS = "Hello, World! 123 [@`{]";
const LETTERS_TURNED = "Uryyb, Jbeyq! 123 [@`{]";
const CLOCK_MS = 60_000;

describe("Python's standard library", () => {
  const started: Program[] = [];
  let ports: Readonly<Record<string, number>> = {};

  beforeAll(async () => {
    const script = fileURLToPath(new URL("../fixtures/interop/small-servers.py", import.meta.url));
    const program = new Program("python3", [script]);
    started.push(program);
    // Where there is no Python, each test says so.
    const line = await program.until("its ports", () => /^(.*)\n/.exec(program.stdout)?.[1]).catch(() => "{}");
    ports = JSON.parse(line) as Record<string, number>;
  });
  afterAll(() => Promise.all(started.map((program) => program[Symbol.asyncDispose]())));

  async function call(context: TestContext, served: string, wish: CallWish = {}): Promise<Called> {
    needsProgram(context, "python3", ["--version"]);
    const [name = "", transport = ""] = served.split(" ");
    const called = await callService(name, `${transport}://127.0.0.1:${ports[served]}`, wish);
    expect(called).toMatchObject({ status: EXIT.OK, problems: [] });
    return called;
  }

  it.for(["tcp", "udp"])("echoes to our client over %s", async (transport, context) => {
    const { text } = await call(context, `echo ${transport}`, { input: "one\ntwo\n" });
    expect(text).toBe("one\ntwo\n");
  });

  it.for(["tcp", "udp"])("turns letters for our client over %s", async (transport, context) => {
    const { text } = await call(context, `rot13 ${transport}`, { options: { message: LETTERS } });
    expect(text).toBe(`${LETTERS_TURNED}\n`);
  });

  it("discards what our client sends", async (context) => {
    const { events } = await call(context, "discard tcp", { options: { bytes: 300_000 } });
    expect(events.at(-1)?.fields).toMatchObject({ sentBytes: 300_000 });
  });

  it.for(["tcp", "udp"])("tells our clients the date and the time over %s", async (transport, context) => {
    for (const name of ["daytime", "time"]) {
      const { events } = await call(context, `${name} ${transport}`);
      const { unixMs } = events.at(-1)?.fields ?? {};
      expect(Math.abs((unixMs as number) - Date.now())).toBeLessThan(CLOCK_MS);
    }
  });

  it("answers our time queries, one by one and in a burst", async (context) => {
    const one = await call(context, "time-query udp", { options: { count: 2, interval: 1 } });
    expect(one.events.at(-1)?.fields).toMatchObject({ sent: 2, answered: 2, malformed: 0, stray: 0 });
    const burst = await call(context, "time-query udp", { options: { burst: 20, gap: 1 } });
    expect(burst.events.at(-1)?.fields).toMatchObject({ sent: 20, answered: 20, duplicated: 0, malformed: 0 });
  });

  it("answers our client with what fitted", async (context) => {
    const { events } = await call(context, "truncate udp", { options: { message: "hello world" } });
    expect(events.at(-1)?.fields).toMatchObject({ sentBytes: 11, keptBytes: 8, lostBytes: 3 });
  });

  it("streams random bytes to our client", async (context) => {
    const { text } = await call(context, "random tcp", { options: { length: 5000, delay: 1, raw: true } });
    expect(text).toHaveLength(5000);
  });
});

/** socat at a free port of loopback, with a program behind it. */
async function socat(context: TestContext, ...args: string[]): Promise<{ program: Program; endpoint: string }> {
  needs(context, "socat");
  const program = new Program("socat", ["-d", "-d", ...args]);
  const port = await program.until("its port", () => /listening on AF=2 127\.0\.0\.1:(\d+)/.exec(program.stderr)?.[1]);
  return { program, endpoint: `tcp://127.0.0.1:${port}` };
}

describe("socat", () => {
  const listen = "TCP-LISTEN:0,bind=127.0.0.1";

  it.for([
    { name: "echo", behind: "EXEC:cat", message: LETTERS, answer: LETTERS },
    { name: "rot13", behind: "SYSTEM:tr A-Za-z N-ZA-Mn-za-m", message: LETTERS, answer: LETTERS_TURNED },
  ])("serves our client of $name with $behind", async ({ name, behind, message, answer }, context) => {
    const { program, endpoint } = await socat(context, listen, behind);
    await using _program = program;
    const { status, text, problems } = await callService(name, endpoint, { options: { message } });
    expect({ status, text, problems }).toEqual({ status: EXIT.OK, text: `${answer}\n`, problems: [] });
  });

  it("discards what our client sends", async (context) => {
    const { program, endpoint } = await socat(context, "-u", listen, "OPEN:/dev/null");
    await using _program = program;
    const { status, events } = await callService("discard", endpoint, { options: { bytes: 200_000 } });
    expect({ status, fields: events.at(-1)?.fields }).toMatchObject({
      status: EXIT.OK,
      fields: { sentBytes: 200_000 },
    });
  });

  it("tells our client the date, by date(1)", async (context) => {
    const { program, endpoint } = await socat(context, listen, "EXEC:env LC_ALL=C date +%c");
    await using _program = program;
    const { status, events } = await callService("daytime", endpoint);
    expect({ status, fields: events.at(-1)?.fields }).toMatchObject({ status: EXIT.OK, fields: { form: "ctime" } });
  });
});
