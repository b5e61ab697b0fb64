/** docs/guide/inetd.md against the readers: its examples mean the same, and it leaves out nothing that they know. */
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { parseConfig } from "./read.ts";
import type { ConfigWorld } from "./world.ts";
import { ATTRIBUTES } from "./xinetd/attributes.ts";
import { CONFIG_SCHEMA, type Schema, SERVICE_SCHEMA } from "./yaml/schema.ts";

const guide = readFileSync(new URL("../../../docs/guide/inetd.md", import.meta.url), "utf8");
const world: ConfigWorld = {
  port: (name) => (name === "rot13" ? 1067 : undefined),
  hasIPv6: true,
  readFile: () => "",
  listFolder: () => [],
};

function keysOf({ properties = {}, anyOf = [] }: Schema): string[] {
  const own = Object.entries(properties).flatMap(([name, inner]) => [name, ...keysOf(inner)]);
  return [...own, ...anyOf.flatMap(keysOf)];
}

describe("the guide to the super-server's configuration", () => {
  it.each(["inetd", "xinetd", "yaml"])("has an example of the form %s, which means what the others mean", (form) => {
    const [, text = ""] = new RegExp(`\`\`\`${form}\\n(.*?)\`\`\``, "s").exec(guide) ?? [];
    const { config, problems } = parseConfig(text, "example", world);
    expect(problems).toEqual([]);
    expect(config.services).toMatchObject([
      { listen: { endpoint: "tcp://127.0.0.1:1067" }, serves: { kind: "builtin", service: "rot13" } },
      {
        listen: { endpoint: "tcp://127.0.0.1:7100" },
        serves: { path: "/usr/bin/tr", argv: ["tr", "a-z", "A-Z"], credentials: { user: "nobody" } },
        log: { onFailure: ["HOST"] },
      },
    ]);
  });

  it("names every attribute of xinetd, and every key of YAML", () => {
    const names = [...Object.keys(ATTRIBUTES), ...keysOf(SERVICE_SCHEMA), ...keysOf(CONFIG_SCHEMA)];
    const untold = names.filter((name) => !guide.includes(`\`${name}\``) && !["$schema", "services"].includes(name));
    expect(untold).toEqual([]);
  });
});
