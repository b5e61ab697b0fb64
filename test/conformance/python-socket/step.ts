/** What both sides of the comparison with Python's socket module are asked to do, and what they answer. */
import * as abi from "portolan/abi";

/** `["inet", host, port or the name of a socket whose port it is]`, `["inet6", host, port, flow, scope]`, `["path", name]` … */
export type Address = readonly ["inet" | "inet6" | "path" | "abstract" | "unnamed" | "netlink", ...(string | number)[]];

/** One call: the name of a method of `Ours` and of Python's `Case`, and its arguments. */
export type Step = readonly [operation: string, ...arguments: unknown[]];

/** What a call gave: its result, or `{ error }`. As JSON carries it. */
export type Answer = unknown;

/** A few calls on sockets of their own. */
export interface Case {
  readonly name: string;
  readonly steps: readonly Step[];
}

/** A number, or constants by their names: `"MSG_PEEK|MSG_DONTWAIT"`. */
export function number(text: string | number): number {
  if (typeof text === "number") return text;
  return text.split("|").reduce((total, name) => total | constant(name), 0);
}

function constant(name: string): number {
  const value = (abi as unknown as Readonly<Record<string, unknown>>)[name];
  if (typeof value !== "number") throw new Error(`portolan/abi has no ${name}`);
  return value;
}
