/** YAML as plain values which know their lines, free of the library that reads it. */
import { type Document, isAlias, isMap, isScalar, isSeq, LineCounter, type Node, parseDocument, visit } from "yaml";
import { type Problems, quote } from "../problems.ts";

/** A value, and the line that it begins at, from 1. */
export interface Located {
  readonly line: number;
  readonly value: LocatedValue;
}

export type LocatedValue =
  | string
  | number
  | boolean
  | null
  | readonly Located[]
  | ReadonlyMap<string, { readonly key: number; readonly entry: Located }>;

/** Of a text, aliases followed: a few lines of them can stand for billions of values. */
const MAX_VALUES_IN_ALL = 200_000;
const MAX_DEPTH = 32;
const MAX_BRACKETS = 400;

/** Reads a text; undefined, and errors told, for one that is no YAML. */
export function locate(text: string, file: string, problems: Problems): Located | undefined {
  const deep = lineTooDeep(text);
  if (deep !== undefined) {
    problems.error({ file, line: deep }, `values are nested more than ${MAX_DEPTH} deep`);
    return undefined;
  }
  const lines = new LineCounter();
  let document: Document;
  try {
    // Keys that are there twice are told below: the library compares each with each.
    document = parseDocument(text, { lineCounter: lines, prettyErrors: false, merge: false, uniqueKeys: false });
  } catch (error) {
    // Nesting that is too deep for the library.
    problems.error({ file, line: 1 }, `this cannot be read as YAML: ${(error as Error).message}`);
    return undefined;
  }
  const lineAt = (offset: number | undefined): number => Math.max(1, lines.linePos(offset ?? 0).line);
  for (const { pos, message } of document.errors) problems.error({ file, line: lineAt(pos[0]) }, `no YAML: ${message}`);
  for (const { pos, message } of document.warnings) problems.warning({ file, line: lineAt(pos[0]) }, message);
  if (document.errors.length > 0) return undefined;
  try {
    return new Locator(document, lineAt).locate(document.contents, 1, 0);
  } catch (error) {
    if (!(error instanceof Unusable)) throw error;
    problems.error({ file, line: error.line }, error.message);
    return undefined;
  }
}

/**
 * The line at which a text is nested so deep that the library, which calls itself for each level, could exhaust the stack.
 * Far above what {@link MAX_DEPTH} lets pass: brackets in quoted texts are counted too.
 */
function lineTooDeep(text: string): number | undefined {
  let depth = 0;
  for (const [index, line] of text.split("\n").entries()) {
    // Indentation, and the dashes and question marks that begin a value within a value on one line.
    if ((/^[ \t?-]*/.exec(line)?.[0].length ?? 0) > MAX_BRACKETS) return index + 1;
    for (const character of line.match(/[[\]{}]/g) ?? []) {
      depth = character === "[" || character === "{" ? depth + 1 : Math.max(0, depth - 1);
      if (depth > MAX_BRACKETS) return index + 1;
    }
  }
  return undefined;
}

class Unusable extends Error {
  readonly line: number;
  constructor(line: number, message: string) {
    super(message);
    this.line = line;
  }
}

class Locator {
  readonly #lineAt: (offset: number | undefined) => number;
  /** What each alias stands for. Asking the library is a walk through the document each time. */
  readonly #meant = new Map<unknown, Node>();
  #values = 0;

  constructor(document: Document, lineAt: (offset: number | undefined) => number) {
    this.#lineAt = lineAt;
    const anchors = new Map<string, Node>();
    visit(document, {
      Node: (_key, node) => {
        if (isAlias(node)) {
          const meant = anchors.get(node.source);
          if (meant !== undefined) this.#meant.set(node, meant);
        } else if (node.anchor !== undefined) anchors.set(node.anchor, node);
      },
    });
  }

  locate(node: unknown, parentLine: number, depth: number): Located {
    const { range } = (node ?? {}) as Partial<Node>;
    const line = range == null ? parentLine : this.#lineAt(range[0]);
    this.#values++;
    if (this.#values > MAX_VALUES_IN_ALL) throw new Unusable(line, `there are more than ${MAX_VALUES_IN_ALL} values`);
    if (depth > MAX_DEPTH) throw new Unusable(line, `values are nested more than ${MAX_DEPTH} deep`);
    if (isAlias(node)) return { line, value: this.locate(this.#meant.get(node), line, depth + 1).value };
    if (isSeq(node)) return { line, value: node.items.map((item) => this.locate(item, line, depth + 1)) };
    if (!isMap(node)) return { line, value: scalarOf(isScalar(node) ? node.value : null) };
    const map = new Map<string, { key: number; entry: Located }>();
    for (const { key, value } of node.items) {
      const name = this.locate(key, line, depth + 1);
      if (typeof name.value === "object") throw new Unusable(name.line, "a key is a text");
      if (map.has(String(name.value)))
        throw new Unusable(name.line, `the key ${quote(String(name.value))} is there twice`);
      map.set(String(name.value), { key: name.line, entry: this.locate(value, name.line, depth + 1) });
    }
    return { line, value: map };
  }
}

function scalarOf(value: unknown): string | number | boolean | null {
  if (typeof value === "string" || typeof value === "number" || typeof value === "boolean") return value;
  return value === null || value === undefined ? null : String(value);
}

/** The value without its lines. */
export function plain({ value }: Located): unknown {
  if (value instanceof Map) {
    return Object.fromEntries([...value].map(([key, { entry }]) => [key, plain(entry)]));
  }
  return Array.isArray(value) ? value.map(plain) : value;
}
