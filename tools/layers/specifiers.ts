/**
 * Reads from a source text every way in which it names another module. A real parser (oxc) does the reading, so that
 * strings, comments, templates and regular expressions cannot be taken for imports, nor hide one.
 */
import { parseSync } from "oxc-parser";

type ReferenceKind =
  /** `import`, `export … from`, `import()`, `import("x").T`, `import x = require()`, `declare module "x"`. */
  | "import"
  /** `require()`, `require.resolve()`, `process.getBuiltinModule()`. */
  | "require"
  /** `import.meta.resolve()`. */
  | "resolve"
  /** `new URL("./x.js", import.meta.url)`: how worker and process entries are named. */
  | "url"
  /** `/// <reference path="…" />`, and the same with `types` and `lib`. */
  | "reference-path"
  | "reference-types"
  | "reference-lib"
  /** The text does not parse; `specifier` holds the parser's message. */
  | "syntax-error";

export interface ModuleReference {
  readonly kind: ReferenceKind;
  /** The text named, or null where it is computed at run time. */
  readonly specifier: string | null;
  /** First line is 1. */
  readonly line: number;
}

interface SyntaxNode {
  readonly type: string;
  readonly start: number;
  readonly [key: string]: unknown;
}

type Found = { readonly kind: ReferenceKind; readonly specifier: string | null; readonly start: number };

/** All module references in `text`, in the order of their place. `fileName` decides the dialect (.ts, .js, .d.ts). */
export function readReferences(fileName: string, text: string): ModuleReference[] {
  const parsed = parseSync(fileName, text);
  const found: Found[] = [];
  for (const error of parsed.errors) {
    found.push({ kind: "syntax-error", specifier: error.message, start: error.labels[0]?.start ?? 0 });
  }
  for (const comment of parsed.comments) {
    const match = /^\/\s*<reference\s+(path|types|lib)\s*=\s*["']([^"']*)["']/.exec(comment.value);
    if (comment.type === "Line" && match) {
      found.push({
        kind: `reference-${match[1]}` as ReferenceKind,
        specifier: match[2] ?? null,
        start: comment.start,
      });
    }
  }
  const program = parsed.program as unknown as SyntaxNode;
  const requireNames = new Set(["require"]);
  walk(program, null, (node, parent) => collectRequireName(node, parent, requireNames));
  walk(program, null, (node, parent) => found.push(...referencesOf(node, parent, requireNames)));

  const lineOf = lineCounter(text);
  return found
    .sort((a, b) => a.start - b.start)
    .map(({ kind, specifier, start }) => ({ kind, specifier, line: lineOf(start) }));
}

function referencesOf(node: SyntaxNode, parent: SyntaxNode | null, requireNames: ReadonlySet<string>): Found[] {
  const one = (kind: ReferenceKind, value: unknown): Found[] => [
    { kind, specifier: literalText(value), start: node.start },
  ];
  switch (node.type) {
    case "ImportDeclaration":
    case "ExportAllDeclaration":
    case "ImportExpression":
    case "TSImportType":
      return one("import", node.source);
    case "ExportNamedDeclaration":
      return node.source ? one("import", node.source) : [];
    case "TSExternalModuleReference":
      return one("import", node.expression);
    case "TSModuleDeclaration":
      return isNode(node.id) && node.id.type === "Literal" ? one("import", node.id) : [];
    case "CallExpression":
      return callReferences(node, parent, requireNames, one);
    case "NewExpression": {
      const [first, second] = node.arguments as SyntaxNode[];
      return isNamed(node.callee, "URL") && memberPath(second) === "import.meta.url" ? one("url", first) : [];
    }
    case "Identifier":
      // A `require` handed on under another name could be called with anything: count it as a computed one.
      return requireNames.has(node.name as string) && parent && handsOn(parent, node) ? one("require", null) : [];
    default:
      return [];
  }
}

function callReferences(
  node: SyntaxNode,
  parent: SyntaxNode | null,
  requireNames: ReadonlySet<string>,
  one: (kind: ReferenceKind, value: unknown) => Found[],
): Found[] {
  const first = (node.arguments as SyntaxNode[])[0];
  const path = memberPath(node.callee);
  if (path === "import.meta.resolve") {
    return one("resolve", first);
  }
  if (path?.endsWith("process.getBuiltinModule")) {
    return one("require", first);
  }
  const name = path?.replace(/^module\./, "").replace(/\.resolve$/, "");
  if (name !== undefined && requireNames.has(name)) {
    return one("require", first);
  }
  if (isCreateRequire(node.callee)) {
    const bound = parent?.type === "VariableDeclarator" && isNode(parent.id) && parent.id.type === "Identifier";
    return bound ? [] : one("require", null);
  }
  return [];
}

/** Notes the names that `createRequire` is bound to: calls of those are `require` calls. */
function collectRequireName(node: SyntaxNode, parent: SyntaxNode | null, names: Set<string>): void {
  if (node.type === "CallExpression" && isCreateRequire(node.callee) && parent?.type === "VariableDeclarator") {
    const id = parent.id as SyntaxNode;
    if (id.type === "Identifier") {
      names.add(id.name as string);
    }
  }
}

function isCreateRequire(callee: unknown): boolean {
  return memberPath(callee)?.split(".").at(-1) === "createRequire";
}

function handsOn(parent: SyntaxNode, child: SyntaxNode): boolean {
  switch (parent.type) {
    case "VariableDeclarator":
      return parent.init === child;
    case "AssignmentExpression":
      return parent.right === child;
    case "CallExpression":
    case "NewExpression":
      return (parent.arguments as unknown[]).includes(child);
    default:
      return false;
  }
}

/** `a.b.c` as text, `import.meta` included; undefined for anything that is not a plain path of names. */
function memberPath(value: unknown): string | undefined {
  if (!isNode(value)) {
    return undefined;
  }
  if (value.type === "Identifier") {
    return value.name as string;
  }
  if (value.type === "MetaProperty") {
    return "import.meta";
  }
  if (value.type === "MemberExpression") {
    const object = memberPath(value.object);
    const property = value.computed ? literalText(value.property) : memberPath(value.property);
    return object === undefined || property === null ? undefined : `${object}.${property}`;
  }
  return undefined;
}

function isNamed(value: unknown, name: string): boolean {
  return isNode(value) && value.type === "Identifier" && value.name === name;
}

/** The text of a string literal, or of a template without holes. */
function literalText(value: unknown): string | null {
  if (!isNode(value)) {
    return null;
  }
  if (value.type === "Literal" && typeof value.value === "string") {
    return value.value;
  }
  if (value.type === "TSLiteralType") {
    return literalText(value.literal);
  }
  if (value.type === "TemplateLiteral" && (value.expressions as unknown[]).length === 0) {
    const [quasi] = value.quasis as { value: { cooked: string | null } }[];
    return quasi?.value.cooked ?? null;
  }
  return null;
}

function isNode(value: unknown): value is SyntaxNode {
  return typeof value === "object" && value !== null && typeof (value as { type?: unknown }).type === "string";
}

function walk(
  node: SyntaxNode,
  parent: SyntaxNode | null,
  visit: (node: SyntaxNode, parent: SyntaxNode | null) => void,
): void {
  visit(node, parent);
  for (const value of Object.values(node)) {
    for (const child of Array.isArray(value) ? value : [value]) {
      if (isNode(child)) {
        walk(child, node, visit);
      }
    }
  }
}

function lineCounter(text: string): (offset: number) => number {
  const starts = [0];
  for (let at = text.indexOf("\n"); at !== -1; at = text.indexOf("\n", at + 1)) {
    starts.push(at + 1);
  }
  return (offset) => starts.findLastIndex((start) => start <= offset) + 1;
}
