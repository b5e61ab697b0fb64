/** Of which address family a descriptor is: streams of unix sockets carry descriptors, and stop a receive behind them. */
import { SO_DOMAIN, SOL_SOCKET } from "../abi/index.ts";
import { getsockopt } from "../sys/index.ts";

/** In place of a family: it is no socket. */
export const NO_FAMILY = -1;

const family = new Int32Array(1);
const familyBytes = new Uint32Array(1);

/** The family, such as AF_UNIX, or {@link NO_FAMILY}. */
export function familyOf(fd: number): number {
  familyBytes[0] = 4;
  const outcome = getsockopt(fd, SOL_SOCKET, SO_DOMAIN, family, familyBytes);
  return outcome < 0 ? NO_FAMILY : (family[0] as number);
}
