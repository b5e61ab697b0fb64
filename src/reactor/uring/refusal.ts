/** Why a kernel, or a sandbox around it, does not let us have io_uring. */
import { errnoMessage, errnoName } from "../../abi/index.ts";
import { check } from "../check.ts";

const SETUP = "io_uring_setup";

/** What a failure of the first call means; of the later ones, that a sandbox lets through one call and not another. */
const MEANINGS: Readonly<Record<number, string>> = {
  1: "io_uring is switched off here (EPERM: sysctl kernel.io_uring_disabled, or a seccomp profile)",
  12: "there is not enough memory for an io_uring (ENOMEM: see ulimit -l)",
  13: "io_uring is refused here (EACCES: a security module)",
  22: "this kernel's io_uring is too old (EINVAL: Linux 6.6 or newer is needed)",
  38: "this kernel has no io_uring (ENOSYS)",
};

/** io_uring cannot be used here, whatever this process does about it. */
export class UringRefused extends Error {
  override readonly name = "UringRefused";
}

/**
 * The result of a call that makes a ring.
 * @throws UringRefused where the kernel or a sandbox is the reason; Error with `code` where there are no descriptors left …
 */
export function allowed(syscall: string, result: number): number {
  if (result >= 0) return result;
  const meaning = MEANINGS[-result];
  if (meaning === undefined) return check(syscall, result);
  if (syscall === SETUP) throw new UringRefused(meaning);
  const error = `${errnoName(-result)}, ${errnoMessage(-result)}`;
  throw new UringRefused(`io_uring is not allowed in full here (${syscall}: ${error})`);
}
