/** What is asked of a parsed source file: its syntax nodes and the documentation comment before each. */
import { parseSync } from "oxc-parser";

/** A node of the parser's tree (ESTree with TypeScript's additions), read without trusting its shape. */
export interface SyntaxNode {
  readonly type: string;
  readonly start: number;
  readonly end: number;
  readonly [key: string]: unknown;
}

/** One source file, parsed. */
export interface SourceFile {
  readonly path: string;
  readonly statements: readonly SyntaxNode[];
  /** The summary of the documentation comment right before an offset: its text up to the first tag; "" for none. */
  summaryBefore(offset: number): string;
  /** The first line is 1. */
  lineOf(offset: number): number;
}

/** @throws Error for text that does not parse. */
export function parseSource(path: string, text: string): SourceFile {
  const { program, comments, errors } = parseSync(path, text);
  if (errors[0] !== undefined) throw new Error(`${path}: ${errors[0].message}`);
  const byEnd = new Map(
    comments
      .filter(({ type, value }) => type === "Block" && value.startsWith("*"))
      .map(({ end, value }) => [end, summaryOf(value)]),
  );
  return {
    path,
    statements: program.body as unknown as SyntaxNode[],
    summaryBefore(offset) {
      return byEnd.get(text.slice(0, offset).trimEnd().length) ?? "";
    },
    lineOf(offset) {
      return text.slice(0, offset).split("\n").length;
    },
  };
}

/** Whether a value found in a node is a node itself. */
export function isNode(value: unknown): value is SyntaxNode {
  return typeof value === "object" && value !== null && typeof (value as { type?: unknown }).type === "string";
}

/** The name that an identifier or a string literal stands for. */
export function nameOf(value: unknown): string {
  if (!isNode(value)) return "";
  return String(value.type === "Literal" ? value.value : (value.name ?? ""));
}

function summaryOf(comment: string): string {
  const lines = comment
    .slice(1)
    .split("\n")
    .map((line) => line.replace(/^\s*\* ?/, "").trim());
  const tag = lines.findIndex((line) => line.startsWith("@"));
  return lines
    .slice(0, tag < 0 ? lines.length : tag)
    .join(" ")
    .trim();
}
