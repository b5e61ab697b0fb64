/** Each client uses its service over every kind of socket that it is spoken on: IPv4, IPv6, and unix sockets of both kinds. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { closeThreadReactor } from "portolan/reactor";
import { serve } from "portolan/server";
import { EXIT, services } from "portolan/service";
import { afterAll, describe, expect, it } from "vitest";
import { endpointKinds } from "../support/conversations.ts";
import { type Called, type CallWish, callService } from "../support/service-calls.ts";

const directory = mkdtempSync(join(tmpdir(), "portolan-clients-"));
afterAll(() => {
  rmSync(directory, { recursive: true });
  closeThreadReactor();
});

interface Use {
  readonly wish: CallWish;
  /** Whether the client was answered, and understood it. */
  readonly isRight: (called: Called) => boolean;
}

const last = ({ events }: Called): Readonly<Record<string, unknown>> => events.at(-1)?.fields ?? {};

const uses: Readonly<Record<string, Use>> = {
  // Over datagrams, of a random length.
  chargen: { wish: { options: { lines: 2 } }, isRight: (called) => called.events.length > 0 },
  counter: { wish: { options: { count: 5, connections: 2 } }, isRight: ({ text }) => text.includes("none lost") },
  daytime: { wish: {}, isRight: (called) => last(called).form === "ctime" },
  discard: { wish: { options: { message: "hello" } }, isRight: (called) => Number(last(called).sentBytes) >= 5 },
  echo: { wish: { options: { message: "hello" } }, isRight: ({ text }) => text === "hello\n" },
  hangman: { wish: { input: "/quit\n" }, isRight: ({ text }) => text.includes("12 of 12 lives") },
  random: { wish: { options: { length: 2000, raw: true } }, isRight: ({ text }) => text.length === 2000 },
  rot13: { wish: { options: { message: "Hello" } }, isRight: ({ text }) => text === "Uryyb\n" },
  squares: { wish: { options: { move: ["2 3"] } }, isRight: ({ text }) => text.includes("2 3 is yours.") },
  time: { wish: {}, isRight: ({ text }) => text.includes(" seconds since ") },
  "time-query": { wish: { options: { count: 2, interval: 1 } }, isRight: (called) => last(called).answered === 2 },
  truncate: { wish: { options: { message: "hello world" } }, isRight: (called) => last(called).keptBytes === 8 },
};

describe.each(services.map((entry) => ({ name: entry.name, entry })))("$name", ({ name, entry }) => {
  it.each(endpointKinds(entry.transports, directory))("over $name", async ({ listen }) => {
    await using server = await serve(entry.reference(), { listen: listen(), placement: "node" });
    const use = uses[name] as Use;
    const called = await callService(name, server.endpoint, use.wish);
    expect(called).toMatchObject({ status: EXIT.OK, problems: [] });
    expect(use.isRight(called), JSON.stringify(called)).toBe(true);
  });
});

it("loads a rot13 server over a unix datagram socket from several threads", async () => {
  const rot13 = services.find(({ name }) => name === "rot13") as (typeof services)[number];
  const listen = `unix+dgram://${join(directory, "load.sock")}`;
  await using server = await serve(rot13.reference(), { listen, placement: "node" });
  const { status, text } = await callService("rot13", server.endpoint, { options: { threads: 2, count: 20 } });
  expect(status).toBe(EXIT.OK);
  expect(text).toMatch(/^2 threads, 40 messages: 40 answered, 0 wrong, 0 lost; /);
});
