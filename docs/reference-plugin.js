/**
 * What typedoc cannot know: modules are called as they are imported, generated constants are what C calls so, and what a
 * class has from an unexported base is its own.
 */
import { readFileSync } from "node:fs";
import { Comment, Converter, ReflectionKind } from "typedoc";

const manifest = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8"));

/** From an entry point's source to the name that it is imported by. */
const names = new Map(
  Object.entries(manifest.exports)
    .filter(([, target]) => typeof target === "object")
    .map(([subpath, { default: path }]) => [
      path.replace("./dist/", "src/").replace(/\.js$/, ".ts"),
      manifest.name + subpath.slice(1),
    ]),
);

/** Members whose name is what they do. */
const known = new Map([
  ["[asyncDispose]", "For `await using`: closes."],
  ["[dispose]", "For `using`: closes."],
]);

/** @param {import("typedoc").Application} app */
export function load(app) {
  app.converter.on(Converter.EVENT_CREATE_DECLARATION, (_context, reflection) => {
    const file = reflection.sources?.[0]?.fullFileName ?? sourceOf(reflection);
    if (!file?.includes("/src/abi/generated/") || !reflection.kindOf(ReflectionKind.Variable)) return;
    reflection.comment ??= textComment(`C's \`${reflection.name}\`.`);
  });
  app.converter.on(Converter.EVENT_RESOLVE_BEGIN, ({ project }) => {
    for (const module of project.children ?? []) module.name = names.get(module.sources?.[0]?.fileName) ?? module.name;
    const socket = project.getChildByName([manifest.name, "Socket"]);
    for (const { comment } of project.getReflectionsByKind(ReflectionKind.All)) {
      for (const part of comment ? partsOf(comment) : []) aimAtHeir(part, socket);
    }
  });
  app.converter.on(Converter.EVENT_RESOLVE_END, ({ project }) => {
    for (const reflection of project.getReflectionsByKind(ReflectionKind.Accessor | ReflectionKind.Method)) {
      complete(reflection);
    }
  });
}

function partsOf({ summary, blockTags }) {
  return [...summary, ...blockTags.flatMap(({ content }) => content)];
}

/** `TransferSocket.readExactly`, of an abstract base that is not exported, is `Socket.readExactly` to users. */
function aimAtHeir(part, socket) {
  if (part.kind !== "inline-tag" || socket === undefined) return;
  const member = /^\w+Socket\.(\w+)/.exec(part.text)?.[1];
  const target = member === undefined ? undefined : socket.getChildByName(member);
  if (target !== undefined) Object.assign(part, { target, text: `Socket.${member}` });
}

function complete(reflection) {
  // One comment is for both: what is read is what is set.
  if (reflection.setSignature && !reflection.setSignature.comment) {
    reflection.setSignature.comment = reflection.getSignature?.comment?.clone();
  }
  const text =
    known.get(reflection.name) ?? (reflection.name.startsWith("_") ? "For Node's stream classes." : undefined);
  for (const signature of reflection.signatures ?? []) {
    if (text !== undefined) signature.comment ??= textComment(text);
  }
}

function textComment(text) {
  return new Comment([{ kind: "text", text }]);
}

function sourceOf(reflection) {
  const symbol = reflection.project.getSymbolFromReflection?.(reflection);
  return symbol?.declarations?.[0]?.getSourceFile().fileName;
}
