/** What a failed getsockopt or setsockopt means of an option that the tables know. */
import { release } from "node:os";
import { EACCES, EINVAL, EISCONN, ENOPROTOOPT, ENOTCONN, EOPNOTSUPP, EPERM } from "../../abi/index.ts";
import type { AnyOption } from "../options.ts";
import { membershipCapability } from "../permissions.ts";
import type { OptionMoment } from "./row.ts";

const MOMENTS: { readonly [Moment in OptionMoment]: string | undefined } = {
  any: undefined,
  "before-bind": "set it before bind",
  "before-connect": "set it before connect or listen",
  "after-bind": "set it once the socket is bound",
  "after-connect": "the socket has to be connected",
};

/** The errors that a wrong moment gives. */
const STATE_ERRORS: ReadonlySet<number> = new Set([EINVAL, EISCONN, ENOTCONN, EOPNOTSUPP]);

/**
 * The cause, where more can be said than of any call, and a hint.
 * @param errno of either sign.
 * @param where the kernel's release, as uname(2) tells, and the socket's protocol.
 */
export function explainOptionFailure(
  option: AnyOption,
  syscall: "getsockopt" | "setsockopt",
  errno: number,
  { kernel = release(), protocol = 0 }: { readonly kernel?: string; readonly protocol?: number } = {},
): { readonly cause: string | undefined; readonly hint: string | undefined } {
  const number = Math.abs(errno);
  return { cause: causeOf(option, syscall, number, kernel, protocol), hint: hintFor(option, number) };
}

function causeOf(
  option: AnyOption,
  syscall: string,
  errno: number,
  kernel: string,
  protocol: number,
): string | undefined {
  const { since } = option;
  const capability = option.name === "NETLINK_ADD_MEMBERSHIP" ? membershipCapability(protocol) : option.capability;
  if ((errno === EPERM || errno === EACCES) && capability !== undefined && syscall === "setsockopt") {
    return `this value needs ${capability}`;
  }
  if (errno !== ENOPROTOOPT) return undefined;
  if (isOlder(kernel, since)) return `it came with Linux ${since}, and this kernel is ${kernel}`;
  return `this kind of socket has no such option, or this kernel (${kernel}) was built without it`;
}

function hintFor({ when }: AnyOption, errno: number): string | undefined {
  return STATE_ERRORS.has(errno) ? MOMENTS[when] : undefined;
}

/** Whether a release such as `6.1.0-18-amd64` is before one such as `6.12`. */
function isOlder(kernel: string, since: string): boolean {
  const have = numbersOf(kernel);
  const wanted = numbersOf(since);
  for (const [i, number] of wanted.entries()) {
    const own = have[i] ?? 0;
    if (own !== number) return own < number;
  }
  return false;
}

function numbersOf(version: string): number[] {
  return (/^[0-9.]+/.exec(version)?.[0] ?? "").split(".").map(Number);
}
