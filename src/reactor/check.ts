/** For the reactor's own descriptors, whose failure is nobody's but the process's (no memory, no descriptors). */
import { errnoMessage, errnoName } from "../abi/index.ts";

/** @throws Error with `code`, `errno` and `syscall`, as Node's own system errors have. */
export function check(syscall: string, result: number): number {
  if (result >= 0) return result;
  const code = errnoName(-result);
  throw Object.assign(new Error(`${syscall}: ${code}, ${errnoMessage(-result)}`), { code, errno: result, syscall });
}
