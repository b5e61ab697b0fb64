/** The package from outside: what a stranger gets who installs it, under the strictest compiler, by each of its doors. */
import { execFileSync, spawn, spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Project } from "../support/packed-package.ts";
import { outputOf } from "../support/programs.ts";

let project: Project;
let entries: string[];

beforeAll(() => {
  project = new Project();
  const manifest = JSON.parse(readFileSync(join(project.installed, "package.json"), "utf8"));
  entries = Object.entries<string | { default: string }>(manifest.exports)
    .filter(([, target]) => typeof target === "object")
    .map(([subpath]) => manifest.name + subpath.slice(1));
});
afterAll(() => project[Symbol.dispose]());

describe("the packed package", () => {
  it("opens each of its doors to import and to require", () => {
    expect(entries.length).toBeGreaterThan(5);
    const imports = entries.map((entry) => `await import(${JSON.stringify(entry)})`).join(", ");
    project.write("load.mjs", `console.log([${imports}].map((room) => Object.keys(room).length).join());\n`);
    const requires = entries.map((entry) => `require(${JSON.stringify(entry)})`).join(", ");
    project.write("load.cjs", `console.log([${requires}].map((room) => Object.keys(room).length).join());\n`);
    const [imported, required] = ["load.mjs", "load.cjs"].map((file) =>
      execFileSync(process.execPath, ["--no-warnings", file], { cwd: project.folder, encoding: "utf8" }).trim(),
    );
    const counts = imported?.split(",").map(Number) ?? [];
    expect(counts).toHaveLength(entries.length);
    expect(Math.min(...counts)).toBeGreaterThan(0);
    expect(required).toBe(imported);
  });

  it.each([{ module: "nodenext" }, { module: "node16" }, { module: "esnext", moduleResolution: "bundler" }])(
    "has types that the strictest compiler takes, under %j",
    (options) => {
      const lines = entries.map((entry, index) => `export * as room${index} from ${JSON.stringify(entry)};`);
      project.write("all.ts", `${lines.join("\n")}\n`);
      expect(project.compile(["all.ts"], options)).toBe("");
    },
  );

  it("carries what its README points to", () => {
    const text = readFileSync(join(project.installed, "README.md"), "utf8");
    const targets = [...text.matchAll(/\]\(([^)\s#:]+)(?:#[^)]*)?\)/g)].map(([, target]) => target as string);
    expect(targets.length).toBeGreaterThan(5);
    expect(targets.filter((target) => !existsSync(join(project.installed, target)))).toEqual([]);
  });

  it("shows examples that can be pasted where npx has started it", async () => {
    const bin = join(project.folder, "node_modules/.bin");
    const PATH = [bin, process.env.PATH].join(delimiter);
    const child = spawn(join(bin, "portolan"), ["--help"], { cwd: project.folder, env: { ...process.env, PATH } });
    const examples = (await outputOf(child)).split("Examples:\n")[1] as string;
    const commands = examples.split("\n").filter((line) => line !== "" && !line.startsWith("  #"));
    expect(commands.length).toBeGreaterThan(2);
    expect(commands.filter((line) => !line.startsWith("  npx portolan "))).toEqual([]);
    const { stdout } = spawnSync(join(bin, "portolan"), ["serve", "--help"], { cwd: project.folder, encoding: "utf8" });
    const guide = /with limits; (\S+) has them all/.exec(stdout)?.[1] as string;
    expect(existsSync(join(project.folder, guide)), guide).toBe(true);
  });
});

describe("code in documentation comments", () => {
  it("compiles against the package", () => {
    const examples = declarationFiles().flatMap((file) => examplesIn(file));
    expect(examples.length).toBeGreaterThan(20);
    compileAll(examples);
  });
});

describe("code in the guides", () => {
  it("compiles against the package, where no example of its own runs", () => {
    const guides = join(project.installed, "docs/guide");
    const fragments = readdirSync(guides).flatMap((file) => fragmentsIn(join(guides, file)));
    expect(fragments.length).toBeGreaterThan(2);
    compileAll(fragments);
  });
});

/** What an example may speak of without having made it. */
const CONTEXT = `
declare const socket: import("portolan").Socket;
declare const connection: import("portolan").Socket;
declare const listener: import("portolan").Socket;
declare const peer: import("portolan").Socket;
declare const other: import("portolan").Socket;
declare const bytes: Buffer;
declare const header: Buffer;
declare const body: Buffer;
declare const request: import("node:http").IncomingMessage;
declare const url: URL;
`;

interface Example {
  readonly file: string;
  readonly code: string;
}

function compileAll(examples: readonly Example[]): void {
  const names = namesByEntry();
  const files = examples.map((example, index) => {
    const file = `examples/${index}.ts`;
    project.write(file, `${importsFor(example, names)}${example.code}\nexport {};\n`);
    return file;
  });
  project.write("examples/context.d.ts", CONTEXT);
  const complaints = project.compile(["examples/context.d.ts", ...files], { module: "nodenext" });
  expect(
    complaints.replace(/^examples\/(\d+)\.ts/gm, (_, index) => {
      const { file, code } = examples[Number(index)] as Example;
      return `${file}: ${code}\n`;
    }),
  ).toBe("");
}

/** Blocks of code that do not quote a program of `examples/`: those run in a test of their own. */
function fragmentsIn(file: string): Example[] {
  const blocks = readFileSync(file, "utf8").matchAll(/^```(?:js|ts)\n(?!\/\/ examples\/)([\s\S]*?)^```$/gm);
  return [...blocks].map(([, code]) => ({ file, code: code as string }));
}

function declarationFiles(): string[] {
  const dist = join(project.installed, "dist");
  const files = readdirSync(dist, { recursive: true, encoding: "utf8" });
  return files.filter((file) => file.endsWith(".d.ts")).map((file) => join(dist, file));
}

/** Code is what is indented by four, as in Markdown, or follows the tag. */
function examplesIn(file: string): Example[] {
  const comments = readFileSync(file, "utf8").match(/\/\*\*[\s\S]*?\*\//g) ?? [];
  return comments.flatMap((comment) => {
    const lines = comment.split("\n").map((line) => line.replace(/^\s*(?:\*\/|\* ?)/, ""));
    const codes: string[][] = [];
    let current: string[] | undefined;
    let isTagged = false;
    for (const line of lines.slice(1)) {
      if (line.startsWith("@")) isTagged = line.trim() === "@example";
      const isCode = (isTagged && !line.startsWith("@")) || /^ {4}\S/.test(line) || (current && /^ {4}|^$/.test(line));
      if (isCode && current === undefined) {
        current = [];
        codes.push(current);
      }
      if (!isCode) current = undefined;
      current?.push(line);
    }
    return codes.map((code) => ({ file, code: code.join("\n").trim() })).filter(({ code }) => code !== "");
  });
}

function namesByEntry(): Map<string, string[]> {
  const lines = entries.map((entry) => `names[${JSON.stringify(entry)}] = Object.keys(await import("${entry}"));`);
  project.write("names.mjs", `const names = {};\n${lines.join("\n")}\nconsole.log(JSON.stringify(names));\n`);
  const output = execFileSync(process.execPath, ["names.mjs"], { cwd: project.folder, encoding: "utf8" });
  return new Map(Object.entries(JSON.parse(output)));
}

/**
 * Imports of the public names that an example uses and neither makes nor imports itself, for most are a line or two. The room
 * that it stands in comes first, then sockets.
 */
function importsFor({ file, code }: Example, names: ReadonlyMap<string, readonly string[]>): string {
  const words = new Set(code.match(/(?<!\w|(?<!\.\.)\.)[A-Za-z_]\w*/g));
  const made = code.matchAll(/(?:const|let|using|import) (?:\{ ([^}]*) \}|(\w+))/g);
  const taken = new Set([...made].flatMap(([, several, one]) => several?.split(/\W+/) ?? [one]));
  for (const [, name] of CONTEXT.matchAll(/declare const (\w+)/g)) taken.add(name);
  const [, room = "", face] = /dist\/(\w+)\/(net|dgram)?/.exec(file) ?? [];
  const own = `portolan/${face ?? room}`;
  let text = "";
  for (const entry of new Set([names.has(own) ? own : "portolan", "portolan", ...names.keys()])) {
    const used = names.get(entry)?.filter((name) => words.has(name) && !taken.has(name)) ?? [];
    for (const name of used) taken.add(name);
    if (used.length > 0) text += `import { ${used.join(", ")} } from ${JSON.stringify(entry)};\n`;
  }
  return text;
}
