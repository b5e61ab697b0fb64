/** The many ways to write the arguments of `connect` and `listen`. */

export type Callback = (...args: never[]) => void;

/** Arguments as options and a callback: `(options)`, `(path)` or `(port, host)`, and a function last. */
export function normalizeArguments(args: readonly unknown[]): [Record<string, unknown>, Callback | null] {
  const [first, second] = args;
  const last = args.at(-1);
  const callback = typeof last === "function" ? (last as Callback) : null;
  if (typeof first === "object" && first !== null) return [first as Record<string, unknown>, callback];
  if (args.length === 0) return [{}, null];
  if (isPath(first)) return [{ path: first }, callback];
  const options: Record<string, unknown> = { port: first };
  if (typeof second === "string") options.host = second;
  return [options, callback];
}

/** Text that is no number names a unix socket. */
export function isPath(value: unknown): value is string {
  return typeof value === "string" && toNumber(value) === false;
}

/** A number from 0 up, given as such or as text; else false. */
export function toNumber(value: unknown): number | false {
  const number = Number(value);
  return number >= 0 ? number : false;
}
