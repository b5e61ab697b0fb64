/** Reads a whole tree and applies the rules of the rooms to it. */
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { ambientFile, rooms } from "./rooms.ts";
import { checkProject, checkReferences, type PackageFacts, type Problem, type RoomProject } from "./rules.ts";
import { readReferences } from "./specifiers.ts";

const sourcePattern = /\.[cm]?[jt]sx?$/;

/** What the check of a tree found. */
export interface TreeReport {
  readonly problems: readonly Problem[];
  readonly fileCount: number;
  readonly roomCount: number;
}

/** Checks every room below `root/src`: its project, and every module reference in its sources. */
export function checkTree(root: string): TreeReport {
  const facts = readFacts(root);
  const problems: Problem[] = [];
  const existing: string[] = [];
  for (const entry of readdirSync(join(root, "src"), { withFileTypes: true })) {
    const file = `src/${entry.name}`;
    if (entry.isDirectory() && entry.name in rooms) {
      existing.push(entry.name);
    } else if (file === ambientFile) {
      problems.push(...checkAmbient(root));
    } else {
      const message =
        "not a room: add it to tools/layers/rooms.ts with a page in docs/decisions/, or move it into a room.";
      problems.push({ file, line: 1, message });
    }
  }
  existing.sort();
  problems.push(...checkRoot(root, existing));
  let fileCount = 0;
  for (const room of existing) {
    problems.push(...checkRoom(root, room, existing));
    for (const file of sourceFiles(root, `src/${room}`, problems)) {
      fileCount += 1;
      problems.push(...checkReferences(facts, file, readReferences(file, readFileSync(join(root, file), "utf8"))));
    }
  }
  return { problems, fileCount, roomCount: existing.length };
}

function readFacts(root: string): PackageFacts {
  const manifest = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
  return {
    root,
    name: manifest.name,
    dependencies: new Set(Object.keys(manifest.dependencies ?? {})),
    devDependencies: new Set(Object.keys(manifest.devDependencies ?? {})),
  };
}

/** The ambient file is part of every pure room, so whatever it named would be in all of them. */
function checkAmbient(root: string): Problem[] {
  return readReferences(ambientFile, readFileSync(join(root, ambientFile), "utf8")).map(({ line, specifier }) => ({
    file: ambientFile,
    line,
    message: `names "${specifier}": pure rooms include this file, so it declares and names nothing else.`,
  }));
}

/** `tsc -b` at the root builds what the root project names: a room left out would not be built, nor checked. */
function checkRoot(root: string, existing: readonly string[]): Problem[] {
  const project: RoomProject = JSON.parse(readFileSync(join(root, "tsconfig.json"), "utf8"));
  const named = (project.references ?? []).map(({ path }) => path.replace(/^(\.\/)?src\//, "")).sort();
  return named.join() === existing.join()
    ? []
    : [
        {
          file: "tsconfig.json",
          line: 1,
          message: `references are [${named.join(", ")}], the rooms in src/ are [${existing.join(", ")}]: name them all.`,
        },
      ];
}

function checkRoom(root: string, room: string, existing: readonly string[]): Problem[] {
  const file = `src/${room}/tsconfig.json`;
  if (!existsSync(join(root, file))) {
    return [{ file, line: 1, message: "missing: a room is a TypeScript project; copy a neighbour's." }];
  }
  return checkProject(room, JSON.parse(readFileSync(join(root, file), "utf8")), existing);
}

/** The sources below `folder`. A link could lead anywhere, so links are refused. */
function sourceFiles(root: string, folder: string, problems: Problem[]): string[] {
  const files: string[] = [];
  for (const entry of readdirSync(join(root, folder), { withFileTypes: true })) {
    const path = `${folder}/${entry.name}`;
    if (entry.isSymbolicLink()) {
      problems.push({ file: path, line: 1, message: "a symbolic link: put the file itself into its room." });
    } else if (entry.isDirectory()) {
      files.push(...sourceFiles(root, path, problems));
    } else if (sourcePattern.test(entry.name) && statSync(join(root, path)).isFile()) {
      files.push(path);
    }
  }
  return files.sort();
}
