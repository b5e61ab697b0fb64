/** Names and values, one pair a line. */
import type { Context } from "../../context.ts";

/** `c0 a8 01 64`: bytes as they follow each other in memory. */
export function hexBytes(bytes: Uint8Array): string {
  return [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join(" ");
}

/** Prints pairs in two columns. */
export function printFields(
  { out, colours }: Pick<Context, "out" | "colours">,
  fields: readonly (readonly [name: string, value: string])[],
  indent = "",
): void {
  const width = Math.max(...fields.map(([name]) => name.length));
  for (const [name, value] of fields) {
    out.line(`${indent}${colours.dim(name.padEnd(width))}  ${value}`.trimEnd());
  }
}
