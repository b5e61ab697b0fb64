/** select(2) and its 1,024 descriptors: what a program, and what a client, hears who comes beyond them. */
import { once } from "node:events";
import { closeSync, openSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { closeThreadReactor, createReactor, IdleHandler } from "portolan/reactor";
import { type Placement, type ServiceReference, serve } from "portolan/server";
import { afterAll, describe, expect, it } from "vitest";
import { start } from "../cli/portolan.ts";
import { needsDescriptors } from "../support/processes.ts";
import { until } from "../support/until.ts";

const FD_SETSIZE = 1024;
const MORE_THAN_FIT = FD_SETSIZE + 76;
/** What this process has open beside. */
const SPARE_DESCRIPTORS = 200;

const probe: ServiceReference = {
  url: new URL("../fixtures/server/probe-service.mjs", import.meta.url).href,
  export: "probe",
  options: null,
};

afterAll(closeThreadReactor);

/** Takes all numbers that fit, and one more, and gives them back at the end of the block. */
function takeNumbers(): Disposable & { readonly highest: number } {
  const fds: number[] = [];
  do fds.push(openSync("/dev/null", "r"));
  while ((fds.at(-1) as number) < FD_SETSIZE);
  return { highest: fds.at(-1) as number, [Symbol.dispose]: () => fds.forEach(closeSync) };
}

describe("in a process with more descriptors than fit", () => {
  it("refuses one that does not fit", (context) => {
    needsDescriptors(context, MORE_THAN_FIT + SPARE_DESCRIPTORS);
    const reactor = createReactor("select");
    using taken = takeNumbers();
    const { highest } = taken;
    expect(() => reactor.attach(highest, new IdleHandler())).toThrow(
      new RangeError(`${highest} is no descriptor below 1024, the limit of the select backend`),
    );
    reactor.dispose();
  });

  it("refuses to make a loop that could not be woken", (context) => {
    needsDescriptors(context, MORE_THAN_FIT + SPARE_DESCRIPTORS);
    using _ = takeNumbers();
    expect(() => createReactor("select")).toThrow(
      new RangeError("select watches descriptors below 1024, and this process has them all in use"),
    );
  });

  it.for<[Placement, number]>([
    ["thread", 1],
    ["thread", 2],
    ["node", 1],
  ])("refuses to serve: %s, %i", async ([placement, workers], context) => {
    needsDescriptors(context, MORE_THAN_FIT + SPARE_DESCRIPTORS);
    using _ = takeNumbers();
    const options = { listen: "tcp://127.0.0.1:0", design: "select", placement, workers };
    await expect(serve(probe, options)).rejects.toThrow(/select .*below 1024|below 1024, the limit of the select/);
  });
});

describe("portolan serve --design select", () => {
  it("turns away whom it cannot watch, says so once, and goes on with the others", async (context) => {
    needsDescriptors(context, MORE_THAN_FIT + SPARE_DESCRIPTORS);
    const args = ["serve", "echo", "--design", "select", "--listen", "tcp://127.0.0.1:0", "--grace", "0", "--json"];
    await using program = start(args);
    const [listening] = await program.listening(1);
    const port = Number(listening?.endpoint.split(":")[2]);
    const clients: Socket[] = [];
    let refused = 0;
    let served = 0;
    for (let i = 0; i < MORE_THAN_FIT; i++) {
      const client = connect({ port, host: "127.0.0.1" });
      clients.push(client);
      client.once("error", () => (refused += 1));
      client.once("data", () => (served += 1));
      client.write("hello");
    }
    await until(() => served + refused === MORE_THAN_FIT);
    expect(served).toBeGreaterThan(FD_SETSIZE - SPARE_DESCRIPTORS);
    expect(refused).toBeGreaterThanOrEqual(MORE_THAN_FIT - FD_SETSIZE);
    const [first] = clients as [Socket];
    first.write("still here?");
    expect(String((await once(first, "data"))[0])).toBe("still here?");
    // Whoever comes when others have left finds a number that fits.
    for (const client of clients) client.destroy();
    let answer = "";
    while (answer === "") answer = await greet(port);
    expect(answer).toBe("hello");
    program.signal("SIGTERM");
    expect(await program.end()).toMatchObject({ status: 0, stderr: "" });
    const told = program.events("trouble");
    expect(told).toHaveLength(1);
    expect(told[0]?.message).toBe("connection refused: descriptor 1024 is beyond the 1024 that select can watch");
    const stopped = program.events("stopped")[0] as { refusedDescriptors: number };
    expect(stopped.refusedDescriptors).toBeGreaterThanOrEqual(refused);
  });
});

/** What comes back for a greeting; nothing where the connection was refused. */
async function greet(port: number): Promise<string> {
  const client = connect({ port, host: "127.0.0.1" });
  let answer = "";
  try {
    client.end("hello");
    for await (const chunk of client) answer += String(chunk);
  } catch {
    // Refused, for those who have left are still being seen to go.
  }
  return answer;
}
