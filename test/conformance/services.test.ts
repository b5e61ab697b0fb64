/**
 * Every service under every design, wherever it can be: a short conversation each, by Node's own clients. Services,
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

const talked = services.filter(({ name }) => conversations[name] !== undefined);

function ways(design: ServerDesign): { placement: ServerDesign["placements"][number] }[] {
  return design.placements.map((placement) => ({ placement }));
}

it("has a conversation for every service", () => {
  const untold = services.filter(({ name }) => !(name in conversations)).map(({ name }) => name);
  expect(untold).toEqual([]);
});

describe.each(designs.map((design) => ({ name: design.name, design })))("$name", ({ design }) => {
  describe.each(ways(design))("in place $placement", ({ placement }) => {
    describe.each(talked.map((entry) => ({ service: entry.name, entry })))("$service", ({ entry }) => {
      const kinds = endpointKinds(entry.transports, directory).filter(({ kind }) => design.kinds.includes(kind));
      it.each(kinds)("over $name", async ({ kind, listen }) => {
        await using server = await serve(entry.reference(), { listen: listen(), design: design.name, placement });
        await conversations[entry.name]?.[kind]?.(server.endpoint);
      });
    });
  });
});
