/** The guide of services has every service and every option, in the words of its code, and none that there is not. */
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { defaultPort, type ServiceEntry, type ServiceOption, services, trialCommands } from "portolan/service";
import { describe, expect, it } from "vitest";

const root = join(import.meta.dirname, "../..");
const guide = readFileSync(join(root, "docs/guide/services.md"), "utf8");
/** Options of every service's server, or client, which are told of before the first. */
const GENERAL = ["--design", "--json", "--limit", "--listen", "--timeout", "--verbose", "--workers"];
const GUARD = ["rate", "burst", "limitLoopback"];
const LAST_SECTIONS = ["Datagrams from strangers", "The byte sink and its netcat"];

const sections = new Map(
  guide
    .split(/^## /m)
    .slice(1)
    .map((text) => [text.slice(0, text.indexOf("\n")), text] as const),
);

function section(title: string): string {
  const text = sections.get(title);
  if (text === undefined) throw new Error(`the guide has no section "${title}"`);
  return text;
}

/** The cells of the table whose first title is so, without titles; undefined where there is none. */
function rows(text: string, title: string): string[][] | undefined {
  const lines = text.split("\n");
  const titles = lines.findIndex((line) => cells(line)[0] === title);
  if (titles < 0) return undefined;
  const end = lines.findIndex((line, at) => at > titles && !line.startsWith("|"));
  return lines.slice(titles + 2, end < 0 ? lines.length : end).map(cells);
}

function cells(line: string): string[] {
  return line
    .split(/(?<!\\)\|/)
    .slice(1, -1)
    .map((cell) => cell.trim().replaceAll("\\|", "|"));
}

const kebab = (name: string): string => name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);

function flagsOf(option: ServiceOption): string {
  const value = { choice: ` <${option.kind === "choice" ? option.choices.join("|") : ""}>`, file: " <file>", flag: "" };
  return `\`--${kebab(option.name)}${option.kind === "number" ? " <number>" : value[option.kind]}\``;
}

function defaultOf(option: ServiceOption): string {
  if (option.kind === "flag") return option.default ? "on" : "off";
  return option.default === "" ? "none" : String(option.default);
}

function flagsIn(text: string): string[] {
  return [...new Set(text.match(/(?<![\w-])--[a-z][a-z-]*/g) ?? [])].sort();
}

const isGuard = ({ name }: ServiceOption): boolean => GUARD.includes(name);

it("has a section for every service, and no other", () => {
  expect([...sections.keys()]).toEqual([...services.map(({ name }) => name), ...LAST_SECTIONS]);
});

it("lists every service with its port and transports", () => {
  const listed = services.map((entry) => {
    const { name, summary, specification, port, transports } = entry;
    return [`[${name}](#${name})`, summary, specification, `${port}`, `${defaultPort(entry)}`, transports.join(", ")];
  });
  expect(rows(guide, "service")).toEqual(listed);
});

describe.each(services.map((entry) => ({ name: entry.name, entry })))("$name", ({ name, entry }) => {
  it("says what to type, as portolan services does", () => {
    const commands = section(name).split("\n");
    const networks = entry.transports.filter((transport) => transport !== "unix");
    const shown = networks.flatMap((transport) => trialsOver(entry, transport));
    for (const command of [`portolan serve ${name}`, ...shown]) expect(commands).toContain(command);
  });

  it("has every option of its server", () => {
    const own = (entry.options ?? []).filter((option) => !isGuard(option));
    const told = own.map((option) => [flagsOf(option), option.description, defaultOf(option)]);
    expect(rows(section(name), `\`portolan serve ${name}\``) ?? []).toEqual(told);
  });

  it("has every option of its client", async () => {
    const { options } = await entry.client();
    const told = options.map(({ flags, description, default: value }) => {
      const [, about = description, named = ""] = /^(.*) \(default: (.*)\)$/.exec(description) ?? [];
      return [`\`${flags}\``, about, value === undefined ? named : String(value)];
    });
    expect(rows(section(name), `\`portolan call ${name}\``) ?? []).toEqual(told);
  });

  it("has no option that there is not", async () => {
    const servers = (entry.options ?? []).map((option) => `--${kebab(option.name)}`);
    const clients = (await entry.client()).options.flatMap(({ flags }) => flags.match(/--[a-z-]+/g) ?? []);
    const known = new Set([...servers, ...clients, ...GENERAL]);
    expect(flagsIn(section(name)).filter((flag) => !known.has(flag))).toEqual([]);
  });
});

it("has the share of a source for every service that answers datagrams", () => {
  const guarded = services.filter(({ options }) => options?.some(isGuard));
  const told = guarded.map(({ name, options = [] }) => [
    name,
    ...GUARD.map((wanted) => defaultOf(options.find((option) => option.name === wanted) as ServiceOption)),
  ]);
  expect(rows(section("Datagrams from strangers"), "service")?.map((row) => row.slice(0, 4))).toEqual(told);
});

it("names the options of portolan sink and portolan nc, all of them and no others", () => {
  const help = ["sink", "nc"].map((verb) => execFileSync("node", [join(root, "dist/cli/main.js"), verb, "--help"]));
  const known = flagsIn(String(Buffer.concat(help))).filter((flag) => flag !== "--help");
  expect(flagsIn(section("The byte sink and its netcat"))).toEqual(known);
});

function trialsOver(entry: ServiceEntry, transport: string): string[] {
  return trialCommands(entry, `${transport}://127.0.0.1:${defaultPort(entry)}`).map(({ command }) => command);
}
