import { Command } from "commander";
import { describe, expect, it } from "vitest";
import { services } from "../service/index.ts";
import type { Context } from "./context.ts";
import { verbs } from "./verbs.ts";
import { wordsOf } from "./words.ts";

/** Every verb, and `call` once for each service: what its help text offers depends on that. */
const lines = verbs.flatMap(({ name, load }) =>
  (name === "call" ? services.map((service) => [service.name]) : [[]]).map((rest) => ({ name, rest, load })),
);

describe.each(lines)("portolan $name $rest", ({ rest, load }) => {
  it("shows defaults as they would be typed", async () => {
    const command = new Command();
    await (await load()).define(command, { context: {} as Context, self: "portolan", rest, finish: () => {} });
    for (const { options } of [command, ...command.commands]) {
      for (const { flags, description, defaultValue, defaultValueDescription, parseArg } of options) {
        if (defaultValue === undefined || parseArg === undefined) continue;
        const typed = defaultValueDescription ?? String(defaultValue);
        expect(parseArg(typed, undefined), `${flags} (default: ${typed})`).toEqual(defaultValue);
        expect(description).not.toContain("(default:");
      }
    }
  });

  it("takes every word that is offered for it", async () => {
    const command = new Command();
    await (await load()).define(command, { context: {} as Context, self: "portolan", rest, finish: () => {} });
    for (const { options, registeredArguments } of [command, ...command.commands]) {
      for (const { parseArg } of [...options, ...registeredArguments]) {
        const { words = [], isList = false } = wordsOf(parseArg) ?? {};
        for (const word of words) expect(parseArg?.(word, undefined)).toBeDefined();
        if (isList) expect(parseArg?.(words.join(","), undefined)).toHaveLength(words.length);
      }
    }
  });
});
