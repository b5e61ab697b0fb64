/**
 * The matrix: every service under every design, in every place, over TCP and UDP by IPv4 and IPv6 and over unix sockets of
 * both kinds. A loop has several conversations at the same time; a design that spawns has one. Services,
 * designs, transports and places come from the tables, so that a new one is tried without a word here, but for what a
 * service is to say: a new one must be told of below.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { closeThreadReactor } from "portolan/reactor";
import { designs, type ServerDesign, serve } from "portolan/server";
import { services } from "portolan/service";
import { afterAll, describe, expect, it } from "vitest";
import { conversations, endpointKinds } from "../support/conversations.ts";

const directory = mkdtempSync(join(tmpdir(), "portolan-services-"));
afterAll(() => {
  rmSync(directory, { recursive: true });
  closeThreadReactor();
});

/** Clients at the same time, where that costs neither a thread nor a process for each. */
const CLIENTS_OF_LOOPS = 4;
/** Services whose clients see what the others do: their conversations are for one client alone. */
const SHARED = new Set(["counter", "squares"]);
/** Each worker of these is there before the first client, and takes its time to start. */
const FEW_WORKERS = new Set(["pool", "prefork"]);

const talked = services.filter(({ name }) => conversations[name] !== undefined);

function ways(design: ServerDesign): { placement: ServerDesign["placements"][number] }[] {
  return design.placements.map((placement) => ({ placement }));
}

it("has a conversation for every service, over each kind of socket that it is spoken on", () => {
  const untold = services.flatMap(({ name, transports }) =>
    endpointKinds(transports, directory)
      .filter(({ kind }) => conversations[name]?.[kind] === undefined)
      .map((kind) => `${name} over ${kind.name}`),
  );
  expect(untold).toEqual([]);
});

describe.each(designs.map((design) => ({ name: design.name, design })))("$name", ({ design }) => {
  describe.each(ways(design))("in place $placement", ({ placement }) => {
    describe.each(talked.map((entry) => ({ service: entry.name, entry })))("$service", ({ entry }) => {
      const kinds = endpointKinds(entry.transports, directory).filter(({ kind }) => design.kinds.includes(kind));
      it.each(kinds)("over $name", async ({ kind, listen }) => {
        const workers = FEW_WORKERS.has(design.name) ? { workers: 2 } : {};
        const options = { listen: listen(), design: design.name, placement, ...workers };
        await using server = await serve(entry.reference(), options);
        const isLoop = design.socketPerWorker === true;
        const clients = isLoop && !SHARED.has(entry.name) ? CLIENTS_OF_LOOPS : 1;
        const talk = conversations[entry.name]?.[kind];
        await Promise.all(Array.from({ length: clients }, () => talk?.(server.endpoint)));
      });
    });
  });
});
