/** A server under `ulimit -n 256`: others are served, nothing spins, the log has one line, and all is well again later. */
import { describe, expect, it } from "vitest";
import { hasDescriptors, processorMs } from "../support/processes.ts";
import { type Talker, Talkers } from "../support/talkers.ts";
import { until } from "../support/until.ts";
import { Program, root } from "./portolan.ts";

const DESCRIPTORS = 256;
/** So long is looked whether it spins. */
const WATCHED_MS = 1000;
/** More clients than there can be. */
const CROWD = DESCRIPTORS + 64;
/** Between two lines about the same thing. */
const QUIET_MS = 10_000;

const designs: readonly (readonly [string, readonly string[]])[] = [
  ["select", []],
  ["poll", []],
  ["epoll", []],
  ["epoll", ["--in-node"]],
  ["epoll", ["--workers", "2"]],
  ["epoll-et", []],
  ["uring", []],
];

/** Each crowd is of this process too: where it may not have that many descriptors, one server comes after the other. */
const inTurns = hasDescriptors(designs.length * CROWD + 500) ? describe.concurrent : describe;

inTurns("with few descriptors", () => {
  it.each(designs)("%s %j refuses whom it cannot serve, and goes on", async (design, args) => {
    const serve = ["serve", "echo", "--design", design, ...args, "--listen", "tcp://127.0.0.1:0", "--json"];
    await using program = new Program("sh", [
      ...["-c", `ulimit -n ${DESCRIPTORS}; exec "$0" "$@"`, process.execPath],
      ...[`${root}dist/cli/main.js`, ...serve],
    ]);
    const [{ endpoint = "" } = {}] = await program.listening(1);
    const port = Number(endpoint.split(":")[2]);
    using talkers = new Talkers(port);
    const early = [talkers.dial(), talkers.dial(), talkers.dial()];
    await talkers.goOn(early);

    const startMs = performance.now();
    const served: Talker[] = [];
    let refused = 0;
    const crowd = Array.from({ length: CROWD }, async () => {
      const client = talkers.dial();
      client.hold();
      if (await client.isServed) served.push(client);
      else refused++;
    });
    const loops = args.includes("--workers") ? 2 : 1;
    const troubles = (): string[] => program.events("trouble").map(({ message }) => String(message));
    // Of several loops, one may take the descriptor that another gives up; the other's clients wait then.
    if (loops === 1) await Promise.all(crowd);
    else await until(() => troubles().length > 0);
    await talkers.goOn(early);

    for (const client of early) client.hold();
    const beganMs = performance.now();
    const spentMs = processorMs(program.pid);
    await until(() => performance.now() - beganMs >= WATCHED_MS);
    expect(processorMs(program.pid) - spentMs).toBeLessThan((performance.now() - beganMs) / 4);
    expect(served.length).toBeGreaterThan(DESCRIPTORS / 2);
    expect(served.length).toBeLessThan(DESCRIPTORS);
    const said = troubles();
    expect(said.filter((message) => !message.startsWith("accept4: EMFILE"))).toEqual([]);
    // One line, or two for a loop that has lost its reserve, and more when ten seconds have passed.
    const most = loops === 1 ? 1 : 2 * loops;
    expect(said.length).toBeGreaterThanOrEqual(1);
    expect(said.length).toBeLessThanOrEqual(most * (1 + Math.floor((performance.now() - startMs) / QUIET_MS)));

    // One leaves, one may come.
    for (const client of served.splice(0, served.length / 2)) client[Symbol.dispose]();
    let next = talkers.dial();
    while (!(await next.isServed)) next = talkers.dial();
    expect(next.fault).toBeUndefined();
    await Promise.all(crowd);
    program.signal("SIGTERM");
    expect(await program.end()).toMatchObject({ status: 0, stderr: "" });
    const stopped = program.events("stopped")[0] as { refusedDescriptors: number; refused: number };
    expect(stopped.refusedDescriptors).toBeGreaterThanOrEqual(refused);
    if (loops === 1) expect(refused).toBeGreaterThan(0);
    expect(stopped.refused).toBe(stopped.refusedDescriptors);
  });
});
