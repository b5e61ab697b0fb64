import { describe, expect, it } from "vitest";
import { parseConfig } from "./read.ts";
import type { ConfigWorld } from "./world.ts";

const FOLDERS: Readonly<Record<string, string>> = {
  "/d/one": "service echo\n{\ntype = INTERNAL\nsocket_type = stream\nwait = no\n}\n",
};
const world: ConfigWorld = {
  port: (name) => ({ echo: 7, service: 4711 })[name],
  hasIPv6: false,
  readFile: (path) => FOLDERS[path] as string,
  listFolder: () => ["one"],
};
const idsOf = (text: string, file = "file"): string[] =>
  parseConfig(text, file, world).config.services.map(({ id }) => id);
const messagesOf = (text: string): string[] => parseConfig(text, "file", world).problems.map(({ message }) => message);
const ENTRY = "{\ntype = INTERNAL\nsocket_type = stream\nwait = no\n}\n";

describe("the form of a configuration", () => {
  it.each([
    ["echo stream tcp nowait root internal\n", ["echo/tcp"]],
    [`service echo\n${ENTRY}`, ["echo"]],
    ["services: { echo: { listen: 'tcp://127.0.0.1:7', builtin: echo } }\n", ["echo"]],
  ])("is seen behind a byte order mark, and with the line ends of other systems: %j", (text, ids) => {
    for (const written of [text, `\ufeff${text}`, `\ufeff# a comment\n${text}`, text.replaceAll("\n", "\r\n")]) {
      expect(idsOf(written)).toEqual(ids);
      expect(messagesOf(written).filter((message) => !message.includes("IPv6"))).toEqual([]);
    }
  });

  it.each([
    [`SERVICE echo\n${ENTRY}`, ["echo"]],
    [`Defaults\n{\n}\nService echo\n${ENTRY}`, ["echo"]],
    ["IncludeDir /d\n", ["echo"]],
    ["service stream tcp nowait root /bin/cat cat\n", ["service/tcp"]],
  ])("is that of its first word, in whatever case: %j", (text, ids) => {
    expect(idsOf(text)).toEqual(ids);
  });

  it.each([
    ["service", '"service" is not how an entry begins'],
    ["service a b", '"service a b" is not how an entry begins'],
  ])("is xinetd's where an entry begins badly, which is one error: %s", (line, message) => {
    expect(messagesOf(`${line}\n${ENTRY}service echo\n${ENTRY}`)).toEqual([message]);
    expect(idsOf(`${line}\n${ENTRY}service echo\n${ENTRY}`)).toEqual(["echo"]);
  });
});
