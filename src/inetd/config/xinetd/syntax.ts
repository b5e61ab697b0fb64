/** Entries and attributes of xinetd's form, from text, and the files that it includes: xinetd.conf(5). */
import type { Origin } from "../../model.ts";
import { MAX_VALUES } from "../bounds.ts";
import { type Problems, quote } from "../problems.ts";
import type { ConfigWorld } from "../world.ts";

export type Operator = "=" | "+=" | "-=";

export interface Attribute {
  readonly name: string;
  readonly operator: Operator;
  readonly values: readonly string[];
  readonly origin: Origin;
}

export interface Entry {
  /** Undefined for the defaults. */
  readonly service: string | undefined;
  readonly origin: Origin;
  readonly attributes: readonly Attribute[];
  /** Whether a line in it could not be read: what it says is not all that was meant. */
  readonly isBroken: boolean;
}

const KEYWORD = /^(?:defaults|include|includedir|service)$/i;

/** Whether a word begins an entry or includes a file; xinetd does not mind its case. */
export function isKeyword(word: string): boolean {
  return KEYWORD.test(word);
}

const MAX_INCLUDE_DEPTH = 8;
const MAX_INCLUDED_FILES = 4096;

/** All entries of a text and of the files that it includes, in order. */
export function readEntries(text: string, file: string, world: ConfigWorld, problems: Problems): Entry[] {
  const reader = new EntryReader(world, problems);
  reader.read(text, file, 0);
  return reader.entries;
}

class EntryReader {
  readonly entries: Entry[] = [];
  readonly #world: ConfigWorld;
  readonly #problems: Problems;
  #files = 0;

  constructor(world: ConfigWorld, problems: Problems) {
    this.#world = world;
    this.#problems = problems;
  }

  read(text: string, file: string, depth: number): void {
    const lines = linesOf(text, file);
    for (let line = lines.pop(); line !== undefined; line = lines.pop()) {
      const { words, origin } = line;
      const [first = "", name, ...more] = words;
      const keyword = isKeyword(first) ? first.toLowerCase() : first;
      if (keyword === "include" || keyword === "includedir") {
        if (name === undefined || more.length > 0) this.#problems.error(origin, `${keyword} takes one path`);
        else if (keyword === "include") this.#include(name, origin, depth);
        else this.#includeFolder(name, origin, depth);
      } else if (keyword === "defaults" || keyword === "service") this.#readEntry(line, lines);
      else {
        const cure = "an entry begins with service NAME or defaults, and { on a line of its own";
        this.#problems.error(origin, `${quote(keyword)} begins no entry`, cure);
        // One word of complaint for what is lost, not one for each line.
        while (lines.length > 0 && !isKeyword(lines.at(-1)?.words[0] ?? "")) lines.pop();
      }
    }
  }

  #readEntry({ words, origin }: Line, lines: Line[]): void {
    const [first = "", service, ...more] = words;
    const keyword = first.toLowerCase();
    const wanted = keyword === "service" ? "service NAME" : "defaults";
    if ((keyword === "service") !== (service !== undefined) || more.length > 0) {
      const hasBrace = words.at(-1) === "{";
      const cure = hasBrace ? "put the { on a line of its own" : `write ${wanted}`;
      this.#problems.error(origin, `${quote(words.join(" "))} is not how an entry begins`, cure);
      if (hasBrace) this.#readAttributes(lines, origin);
      else this.#skipBlock(lines, origin);
      return;
    }
    if (lines.at(-1)?.words.join(" ") !== "{") {
      this.#problems.error(origin, `no { follows ${words.join(" ")}`, "put it on a line of its own");
      return;
    }
    lines.pop();
    const errors = this.#problems.errors;
    const attributes = this.#readAttributes(lines, origin);
    this.entries.push({ service, origin, attributes, isBroken: this.#problems.errors > errors });
  }

  /** What belongs to an entry that is no use is no entry of its own. */
  #skipBlock(lines: Line[], origin: Origin): void {
    if (lines.at(-1)?.words.join(" ") !== "{") return;
    lines.pop();
    this.#readAttributes(lines, origin);
  }

  /** Up to the closing brace. */
  #readAttributes(lines: Line[], origin: Origin): Attribute[] {
    const attributes: Attribute[] = [];
    for (let line = lines.pop(); line !== undefined; line = lines.pop()) {
      if (line.words.join(" ") === "}") return attributes;
      const attribute = this.#readAttribute(line);
      if (attribute !== undefined && attributes.length < MAX_VALUES) attributes.push(attribute);
    }
    this.#problems.error(origin, "the entry has no end", "put a } on a line of its own after its last attribute");
    return attributes;
  }

  #readAttribute({ words, origin }: Line): Attribute | undefined {
    const [name = "", operator, ...values] = words;
    if (operator !== "=" && operator !== "+=" && operator !== "-=") {
      const glued = /^[^=]+(?=[+-]?=)/.exec(name)?.[0];
      const cure = glued === undefined ? "write NAME = VALUE" : `put a blank before and after the = of ${glued}`;
      this.#problems.error(origin, `${quote(words.join(" "))} is no attribute`, cure);
      return undefined;
    }
    if (values.length <= MAX_VALUES) return { name, operator, values, origin };
    this.#problems.error(origin, `${name} has more than ${MAX_VALUES} values`);
    return undefined;
  }

  #include(path: string, origin: Origin, depth: number): void {
    this.#files++;
    if (depth >= MAX_INCLUDE_DEPTH) {
      this.#problems.error(origin, `${path} is included ${depth} files deep; does it include itself?`);
    } else if (this.#files > MAX_INCLUDED_FILES) {
      if (this.#files === MAX_INCLUDED_FILES + 1) {
        this.#problems.error(
          origin,
          `more than ${MAX_INCLUDED_FILES} files are included; ${path} and the rest are not read`,
        );
      }
    } else {
      let text: string;
      try {
        text = this.#world.readFile(path);
      } catch (error) {
        this.#problems.error(origin, `the file cannot be included: ${(error as Error).message}`);
        return;
      }
      this.read(text, path, depth + 1);
    }
  }

  #includeFolder(folder: string, origin: Origin, depth: number): void {
    try {
      // In the order of the C locale: of bytes.
      const names = [...this.#world.listFolder(folder)].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
      for (const name of names) {
        if (!name.includes(".") && !name.endsWith("~"))
          this.#include(`${folder.replace(/\/+$/, "")}/${name}`, origin, depth);
      }
    } catch (error) {
      this.#problems.error(origin, `the folder cannot be included: ${(error as Error).message}`);
    }
  }
}

interface Line {
  readonly words: readonly string[];
  readonly origin: Origin;
}

/** Lines that are no comments and not empty, the last first. Words end at blanks, whatever quotes there are, as xinetd has it. */
function linesOf(text: string, file: string): Line[] {
  const lines: Line[] = [];
  text.split("\n").forEach((content, index) => {
    const words = content.split(/\s+/).filter((word) => word !== "");
    if (words[0] === undefined || words[0].startsWith("#")) return;
    lines.push({ words, origin: { file, line: index + 1 } });
  });
  return lines.reverse();
}
