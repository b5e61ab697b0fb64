/**
 * The names that a package's entry points export, each followed through `export … from` to where it is declared, with the
 * summary of its documentation. Of classes and interfaces also the methods and accessors that users call.
 */
import { existsSync, readFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import { isNode, nameOf, parseSource, type SourceFile, type SyntaxNode } from "./syntax.ts";

/** A public name, where it is declared and what its documentation begins with. */
export interface PublicName {
  /** The entry point, `portolan/abi`. */
  readonly entry: string;
  /** `Socket`, or of a member `Socket.recv`. */
  readonly name: string;
  /** Relative to the root. */
  readonly file: string;
  readonly line: number;
  /** "" where nothing is said. */
  readonly summary: string;
}

/** Longer chains of `export … from` are a loop. */
const MAX_STEPS = 16;

/** Every name of every entry point that package.json exports. */
export function publicNames(root: string): PublicName[] {
  const manifest = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
  const tree = new Tree(root);
  return Object.entries<{ default?: string }>(manifest.exports).flatMap(([subpath, { default: target }]) => {
    if (target === undefined) return [];
    const file = target.replace(/^\.\/dist\//, "src/").replace(/\.js$/, ".ts");
    const entry = manifest.name + subpath.slice(1);
    return tree.namesOf(file).flatMap((found) => found.declarations.flatMap((at) => describe(entry, found.name, at)));
  });
}

/** What a name stands for: of an overloaded function or a merged interface, more than one declaration. */
interface Found {
  readonly name: string;
  readonly declarations: readonly Declaration[];
}

interface Declaration {
  readonly file: SourceFile;
  /** Where a comment ends right before. */
  readonly at: SyntaxNode;
  readonly node: SyntaxNode;
  /** Whether an earlier overload of the same function speaks for this one. */
  readonly isFollower: boolean;
}

class Tree {
  readonly #root: string;
  readonly #files = new Map<string, SourceFile>();

  constructor(root: string) {
    this.#root = root;
  }

  namesOf(path: string, steps = 0): Found[] {
    const file = this.#open(path, steps);
    const found: Found[] = [];
    for (const statement of file.statements) {
      if (statement.type === "ExportAllDeclaration") {
        const exported = isNode(statement.exported) ? nameOf(statement.exported) : undefined;
        const all = this.namesOf(resolve(path, nameOf(statement.source)), steps + 1);
        found.push(...(exported === undefined ? all : [{ name: exported, declarations: [] }]));
      } else if (statement.type === "ExportNamedDeclaration") {
        found.push(...this.#named(file, statement, steps));
      }
    }
    return merge(found);
  }

  #named(file: SourceFile, statement: SyntaxNode, steps: number): Found[] {
    if (isNode(statement.declaration)) {
      const { declaration } = statement;
      return declared(declaration).map((name) => ({
        name,
        declarations: [{ file, at: statement, node: declaration, isFollower: false }],
      }));
    }
    const specifiers = statement.specifiers as SyntaxNode[];
    const source = isNode(statement.source) ? nameOf(statement.source) : undefined;
    return specifiers.map((specifier) => {
      const [local, exported] = [nameOf(specifier.local), nameOf(specifier.exported)];
      // A comment at the specifier, or at a statement with this one alone, tells what the name stands for here.
      const says =
        file.summaryBefore(specifier.start) || (specifiers.length === 1 && file.summaryBefore(statement.start));
      if (says)
        return {
          name: exported,
          declarations: [
            {
              file,
              at: says === file.summaryBefore(specifier.start) ? specifier : statement,
              node: specifier,
              isFollower: false,
            },
          ],
        };
      return { name: exported, declarations: this.#declarationsOf(file, source, local, steps) };
    });
  }

  #declarationsOf(file: SourceFile, source: string | undefined, local: string, steps: number): readonly Declaration[] {
    if (source?.startsWith(".")) {
      const found = this.namesOf(resolve(file.path, source), steps + 1).find(({ name }) => name === local);
      if (found === undefined) throw new Error(`${file.path}: ${source} exports no ${local}`);
      return found.declarations;
    }
    // Names of Node's own modules are documented there.
    if (source !== undefined) return [];
    const here = file.statements.filter((statement) => declared(statement).includes(local));
    if (here.length > 0) return here.map((node) => ({ file, at: node, node, isFollower: false }));
    const imported = file.statements.find(
      (statement) =>
        statement.type === "ImportDeclaration" &&
        (statement.specifiers as SyntaxNode[]).some((specifier) => nameOf(specifier.local) === local),
    );
    if (imported === undefined) throw new Error(`${file.path}: nothing declares ${local}`);
    return this.#declarationsOf(file, nameOf(imported.source), local, steps);
  }

  #open(path: string, steps: number): SourceFile {
    if (steps > MAX_STEPS) throw new Error(`${path}: more than ${MAX_STEPS} files hand a name on`);
    let file = this.#files.get(path);
    if (file === undefined) {
      if (!existsSync(join(this.#root, path))) throw new Error(`${path}: there is no such file`);
      file = parseSource(path, readFileSync(join(this.#root, path), "utf8"));
      this.#files.set(path, file);
    }
    return file;
  }
}

/** Declarations of one name together, in their order. */
function merge(found: readonly Found[]): Found[] {
  const byName = new Map<string, Declaration[]>();
  for (const { name, declarations } of found) byName.set(name, [...(byName.get(name) ?? []), ...declarations]);
  return [...byName].map(([name, declarations]) => ({
    name,
    declarations: declarations.map((declaration, index) => ({
      ...declaration,
      isFollower: index > 0 && isFunction(declaration.node) && isFunction(declarations[index - 1]!.node),
    })),
  }));
}

function declared(node: SyntaxNode): string[] {
  if (node.type === "VariableDeclaration") return (node.declarations as SyntaxNode[]).map(({ id }) => nameOf(id));
  const isDeclaration = /^(Class|Function|TSDeclareFunction|TSInterface|TSTypeAlias|TSEnum)/.test(node.type);
  return isDeclaration && isNode(node.id) ? [nameOf(node.id)] : [];
}

function isFunction({ type }: SyntaxNode): boolean {
  return type === "FunctionDeclaration" || type === "TSDeclareFunction";
}

function describe(entry: string, name: string, { file, at, node, isFollower }: Declaration): PublicName[] {
  const own = { entry, name, file: file.path, line: file.lineOf(at.start), summary: file.summaryBefore(at.start) };
  return [...(isFollower ? [] : [own]), ...members(entry, name, file, node)];
}

function members(entry: string, owner: string, file: SourceFile, node: SyntaxNode): PublicName[] {
  const list = isNode(node.body) && Array.isArray(node.body.body) ? (node.body.body as SyntaxNode[]) : [];
  // What implements an interface is documented there.
  if (Array.isArray(node.implements) && node.implements.length > 0) return [];
  const shown = list.filter((member) => isCalled(member) && isPublic(member));
  return shown
    .filter((member, index) => !shown.slice(0, index).some((earlier) => nameOf(earlier.key) === nameOf(member.key)))
    .map((member) => ({
      entry,
      name: `${owner}.${nameOf(member.key)}`,
      file: file.path,
      line: file.lineOf(member.start),
      summary: file.summaryBefore(member.start),
    }));
}

/** Methods and accessors; what a property is, its name and type mostly say. */
function isCalled({ type, kind }: SyntaxNode): boolean {
  return /^(TSAbstract)?MethodDefinition$|^TSMethodSignature$/.test(type) && kind !== "constructor";
}

/** What overrides is documented where it is declared first; a computed key, such as Symbol.dispose, says what it is. */
function isPublic(member: SyntaxNode): boolean {
  const isHidden = member.accessibility === "private" || member.accessibility === "protected";
  const isPrivate = isNode(member.key) && member.key.type === "PrivateIdentifier";
  return !isHidden && !isPrivate && member.override !== true && member.computed !== true;
}

function resolve(from: string, specifier: string): string {
  return normalize(join(dirname(from), specifier));
}
