/** What differs between the architectures that Portolan runs on. Which one runs is asked above this room. */
import * as arm64 from "./generated/arm64.ts";
import * as x64 from "./generated/x64.ts";

/** The names that both architectures have; a system call that only one has is not in the table. */
type Common<A, B> = { readonly [Name in keyof A & keyof B]: number };

/** One architecture's tables. */
export interface Abi {
  readonly arch: Arch;
  /** struct epoll_event: packed on x64, so 12 bytes there and 16 on arm64. epoll_ctl(2) */
  readonly EPOLL_EVENT: Common<typeof x64.EPOLL_EVENT, typeof arm64.EPOLL_EVENT>;
  /** open(2) flags; those that are alike everywhere are also constants of their own. */
  readonly O: Common<typeof x64.O, typeof arm64.O>;
  /** struct stat. stat(2) */
  readonly STAT: Common<typeof x64.STAT, typeof arm64.STAT>;
  /** The sizes of the fields of struct stat, of which some differ as well. */
  readonly STAT_SIZES: Common<typeof x64.STAT_SIZES, typeof arm64.STAT_SIZES>;
  /** System call numbers. syscall(2) */
  readonly SYS: Common<typeof x64.SYS, typeof arm64.SYS>;
}

/** The architectures, by their names in Node's `process.arch`. */
export type Arch = "arm64" | "x64";

const ABIS: Readonly<Record<Arch, Abi>> = {
  arm64: { arch: "arm64", ...arm64 },
  x64: { arch: "x64", ...x64 },
};

/** The tables of an architecture. */
export function abiFor(arch: Arch): Abi {
  return ABIS[arch];
}
