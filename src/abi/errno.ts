/**
 * Error numbers, names and messages, from one generated table. Numbers are positive here, as in errno(3); calls return
 * them negated, and every function takes either sign.
 */
import { ERRNO } from "./generated/constants.ts";
import { ERRNO_TABLE } from "./generated/errno.ts";

/** The names of errors, aliases such as EWOULDBLOCK included. */
export type ErrnoName = keyof typeof ERRNO;

const names: string[] = [];
const messages: string[] = [];
for (const [number, name, message] of ERRNO_TABLE) {
  names[number] = name;
  messages[number] = message;
}

/**
 * The name of an error number of either sign: `errnoName(-111)` is `"ECONNREFUSED"`. Where a number has two names it is
 * the kernel's: EAGAIN, EDEADLK, EOPNOTSUPP. A number without a name prints as `"E?123"`.
 */
export function errnoName(errno: number): string {
  const number = Math.abs(errno);
  return names[number] ?? `E?${number}`;
}

/** What strerror(3) says of an error number of either sign. A number without a name is `"Unknown error 123"`. */
export function errnoMessage(errno: number): string {
  const number = Math.abs(errno);
  return messages[number] ?? `Unknown error ${number}`;
}

/** The positive number of an error's name, aliases included; undefined for a name that is not one. */
export function errnoNumber(name: ErrnoName): number;
export function errnoNumber(name: string): number | undefined;
export function errnoNumber(name: string): number | undefined {
  return Object.hasOwn(ERRNO, name) ? ERRNO[name as ErrnoName] : undefined;
}
