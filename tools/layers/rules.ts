/** The rules of the rooms, applied to one file's module references and to the projects' own settings. */
import { existsSync } from "node:fs";
import { isBuiltin } from "node:module";
import { dirname, join, posix, relative } from "node:path";
import { gatedPackages, reachableRooms, rooms, serviceLoaderFile } from "./rooms.ts";
import type { ModuleReference } from "./specifiers.ts";

/** One broken rule. */
export interface Problem {
  /** Path from the root of the tree. */
  readonly file: string;
  readonly line: number;
  /** What is wrong, and what to do about it. */
  readonly message: string;
}

/** What the rules need to know of the package. */
export interface PackageFacts {
  readonly root: string;
  readonly name: string;
  readonly dependencies: ReadonlySet<string>;
  readonly devDependencies: ReadonlySet<string>;
}

interface Place {
  readonly facts: PackageFacts;
  readonly file: string;
  readonly room: string;
  readonly pure: boolean;
  /** A test beside its source: it runs under vitest, never ships, and may use Node and development packages. */
  readonly isTest: boolean;
}

/** Problems of the references that `file` (a path from the root, `src/<room>/…`) makes. */
export function checkReferences(facts: PackageFacts, file: string, references: readonly ModuleReference[]): Problem[] {
  const room = file.split("/")[1] ?? "";
  const isTest = /\.test\.[cm]?tsx?$/.test(file);
  const place: Place = { facts, file, room, isTest, pure: (rooms[room]?.pure ?? false) && !isTest };
  const problems: Problem[] = [];
  for (const reference of references) {
    const message = judge(place, reference);
    if (message !== null) {
      problems.push({ file, line: reference.line, message });
    }
  }
  return problems;
}

function judge(place: Place, { kind, specifier }: ModuleReference): string | null {
  if (kind === "syntax-error") {
    return `cannot be parsed: ${specifier}. What cannot be read cannot be checked: mend the syntax.`;
  }
  if (specifier === null) {
    return judgeComputed(place, kind);
  }
  if (kind === "reference-lib") {
    return place.pure && !/^es/.test(specifier)
      ? `lib reference in a pure room: "${place.room}" may know the language only ("${specifier}"). Remove it.`
      : null;
  }
  if (kind === "reference-path") {
    return judgeRelative(place, specifier, "triple-slash reference");
  }
  if (isOwnName(place, specifier)) {
    return judgeOwnName(place, specifier, kind === "reference-types" ? "triple-slash reference" : "import");
  }
  if (kind === "reference-types") {
    return judgeTypes(place, specifier);
  }
  if (kind === "url") {
    return judgeUrl(place, specifier);
  }
  if (/^\.{1,2}(\/|$)/.test(specifier)) {
    return judgeRelative(place, specifier, "import");
  }
  return judgeBare(place, specifier);
}

function judgeComputed(place: Place, kind: ModuleReference["kind"]): string | null {
  if (place.file === serviceLoaderFile || place.isTest) {
    return null;
  }
  const what = {
    import: "computed import()",
    require: "computed require, or one handed on under another name",
    resolve: "computed import.meta.resolve()",
    url: "computed new URL(…, import.meta.url)",
  }[kind as "import"];
  return `${what}: what it loads cannot be read here. Write a literal; only ${serviceLoaderFile} may compute one.`;
}

function judgeRelative(place: Place, specifier: string, what: string): string | null {
  const target = posix.normalize(posix.join(dirname(place.file), specifier));
  const [top, targetRoom = ""] = target.split("/");
  if (top !== "src" || targetRoom === "" || target.split("/").length < 3) {
    return `${what} of "${specifier}" leaves the rooms of src/. Import a file of this room or of one below.`;
  }
  return judgeRoom(place, targetRoom, specifier, what);
}

function judgeRoom(place: Place, targetRoom: string, specifier: string, what: string): string | null {
  if (reachableRooms(place.room).has(targetRoom)) {
    return null;
  }
  const direction = reachableRooms(targetRoom).has(place.room) ? "upward" : "sideways";
  return (
    `${direction} ${what}: room "${place.room}" may not name room "${targetRoom}" ("${specifier}"). ` +
    `It may use ${listRooms(place.room)}. Move what is shared down, or this code up (docs/architecture.md).`
  );
}

function listRooms(room: string): string {
  const below = [...reachableRooms(room)].filter((name) => name !== room).sort();
  return below.length === 0 ? "no other room" : below.join(", ");
}

function isOwnName(place: Place, specifier: string): boolean {
  return specifier === place.facts.name || specifier.startsWith(`${place.facts.name}/`);
}

/** By its own name the package would load a second time from `dist`, and `tsc -b` would not see the direction. */
function judgeOwnName(place: Place, specifier: string, what: string): string {
  const targetRoom = specifier === place.facts.name ? "socket" : (specifier.split("/")[1] ?? "");
  const upward = targetRoom in rooms ? judgeRoom(place, targetRoom, specifier, `${what} by package name`) : null;
  return (
    upward ??
    `${what} by the package's own name ("${specifier}"): inside src/ a room is named by its path. ` +
      `Write "../${targetRoom}/index.ts".`
  );
}

function judgeTypes(place: Place, specifier: string): string | null {
  if (place.pure) {
    return (
      `types reference in a pure room: "${place.room}" may know the language only ("${specifier}"). ` +
      "Remove it; what needs Node belongs in a room above."
    );
  }
  return specifier === "node"
    ? null
    : `types reference to "${specifier}": ambient types belong in the room's tsconfig "types". Import what is used.`;
}

function judgeUrl(place: Place, specifier: string): string | null {
  if (!/^\.{1,2}\//.test(specifier)) {
    return /^[a-z][a-z0-9+.-]*:/i.test(specifier) ? null : `URL "${specifier}" beside this module: begin it with "./".`;
  }
  if (/\.[cm]?tsx?$/.test(specifier)) {
    return `URL "${specifier}" names a source file, which is not there after the build. Write the ".js" it becomes.`;
  }
  const target = posix.normalize(posix.join(dirname(place.file), specifier));
  const inside = target.startsWith("src/");
  const source = inside ? target.replace(/\.js$/, ".ts") : target;
  if (!existsSync(join(place.facts.root, source)) && !existsSync(join(place.facts.root, target))) {
    return `URL "${specifier}" names nothing: there is no ${source}.`;
  }
  return inside ? judgeRelative(place, specifier, "URL") : null;
}

function judgeBare(place: Place, specifier: string): string | null {
  if (isBuiltin(specifier)) {
    return place.pure
      ? `Node import in a pure room: "${place.room}" may not use "${specifier}". ` +
          "Take the value as an argument, or move this code to a room above."
      : null;
  }
  if (/^(#|\/|[a-z][a-z0-9+.-]*:)/i.test(specifier)) {
    return `import of "${specifier}": only relative paths, node: modules and packages by name can be checked.`;
  }
  const name = specifier
    .split("/")
    .slice(0, specifier.startsWith("@") ? 2 : 1)
    .join("/");
  const gate = gatedPackages.get(name);
  if (gate !== undefined && gate !== place.room) {
    return `${name} outside src/${gate}: call the functions of src/${gate}, or add one there (CONTRIBUTING.md).`;
  }
  if (place.pure) {
    return `package import in a pure room: "${place.room}" may not use "${specifier}". Move this code to a room above.`;
  }
  if (place.facts.dependencies.has(name) || (place.isTest && place.facts.devDependencies.has(name))) {
    return null;
  }
  return `package "${name}" is not among the dependencies of package.json. Add it there, with a page in docs/decisions/.`;
}

/** The settings of a room's tsconfig.json that the table decides. */
export interface RoomProject {
  readonly references?: readonly { readonly path: string }[];
  readonly compilerOptions?: { readonly types?: readonly string[]; readonly composite?: boolean };
}

/** Problems of one room's tsconfig.json, given the rooms that exist. */
export function checkProject(room: string, project: RoomProject, existing: readonly string[]): Problem[] {
  const file = `src/${room}/tsconfig.json`;
  const problem = (message: string): Problem => ({ file, line: 1, message });
  const { below, pure } = rooms[room]!;
  const named = (project.references ?? []).map(({ path }) => relative("src", join("src", room, path)));
  const problems: Problem[] = [];
  if (below === "anything") {
    const seen = new Set(named.flatMap((name) => [...reachableRooms(name)]));
    const missing = existing.filter((name) => name !== room && !seen.has(name));
    if (missing.length > 0) {
      problems.push(problem(`references do not reach ${missing.join(", ")}: add them.`));
    }
  } else {
    const expected = below.filter((name) => existing.includes(name)).sort();
    if (expected.join() !== [...named].sort().join()) {
      problems.push(
        problem(
          `references are [${[...named].sort().join(", ")}], the table of rooms says [${expected.join(", ")}]. ` +
            "Change them, or the table (tools/layers/rooms.ts) with a page in docs/decisions/.",
        ),
      );
    }
  }
  if (pure && project.compilerOptions?.types?.length !== 0) {
    problems.push(problem('a pure room sets "types": [], so that no Node API compiles in it.'));
  }
  if (project.compilerOptions?.composite === false) {
    problems.push(problem('a room is a composite project: remove "composite": false.'));
  }
  return problems;
}
