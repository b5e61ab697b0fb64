/** Opens what `net.Server` listens at. */
import { chmodSync, lstatSync, type Stats, unlinkSync } from "node:fs";
import { isIPv6 } from "node:net";
import {
  AF_INET,
  AF_INET6,
  AF_UNIX,
  EADDRNOTAVAIL,
  EAFNOSUPPORT,
  EINVAL,
  IPPROTO_IPV6,
  IPV6_V6ONLY,
  SO_REUSEADDR,
  SO_REUSEPORT,
  SOCK_CLOEXEC,
  SOCK_NONBLOCK,
  SOCK_STREAM,
  SOL_SOCKET,
} from "../abi/index.ts";
import * as sys from "../sys/index.ts";
import { ipSockaddr, unixSockaddr } from "./names.ts";
import { isStreamSocket, makeNonBlocking, setInt } from "./socket-options.ts";

const TYPE = SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK;
const READABLE_BY_ALL = 0o444;
const WRITABLE_BY_ALL = 0o222;

/** A descriptor that listens. */
export interface Listener {
  readonly fd: number;
  /** Of a unix socket. */
  readonly path?: string;
  /** Removes the unix socket's file, if it still is the one made here. */
  removePath(): void;
}

export interface IpOptions {
  readonly backlog: number;
  readonly ipv6Only: boolean;
  readonly reusePort: boolean;
}

/** Listens at an IP address; without one, at all of both families, or of IPv4 where there is no IPv6. Else `-errno`. */
export function openIp(address: string | undefined, port: number, options: IpOptions): Listener | number {
  if (address !== undefined) return openAddress(address, port, options);
  const both = openAddress("::", port, options);
  const lacksIpv6 = both === -EAFNOSUPPORT || both === -EINVAL || both === -EADDRNOTAVAIL;
  return lacksIpv6 ? openAddress("0.0.0.0", port, options) : both;
}

function openAddress(address: string, port: number, options: IpOptions): Listener | number {
  const isV6 = isIPv6(address);
  const sockaddr = ipSockaddr(address, port, isV6);
  if (sockaddr === undefined) return -EINVAL;
  return listenOn(sys.socket(isV6 ? AF_INET6 : AF_INET, TYPE, 0), sockaddr, options.backlog, (fd) => {
    let result = setInt(fd, SOL_SOCKET, SO_REUSEADDR, 1);
    if (result >= 0 && options.reusePort) result = setInt(fd, SOL_SOCKET, SO_REUSEPORT, 1);
    if (result >= 0 && isV6) result = setInt(fd, IPPROTO_IPV6, IPV6_V6ONLY, options.ipv6Only ? 1 : 0);
    return result;
  });
}

/** Listens at a unix socket's path; one that begins with NUL is an abstract name. Else `-errno`. */
export function openPath(path: string, backlog: number, readableAll: boolean, writableAll: boolean): Listener | number {
  const sockaddr = unixSockaddr(path);
  if (sockaddr === undefined) return -EINVAL;
  const opened = listenOn(sys.socket(AF_UNIX, TYPE, 0), sockaddr, backlog, () => 0);
  if (typeof opened === "number" || path.startsWith("\0")) {
    return typeof opened === "number" ? opened : { ...opened, path };
  }
  const made = lstatSync(path);
  const wider = (readableAll ? READABLE_BY_ALL : 0) | (writableAll ? WRITABLE_BY_ALL : 0);
  if (wider !== 0) chmodSync(path, (made.mode & 0o777) | wider);
  return { fd: opened.fd, path, removePath: () => removeIfSame(path, made) };
}

/** Listens on a descriptor of the program's. Else `-errno`. */
export function openFd(fd: number, backlog: number): Listener | number {
  if (!isStreamSocket(fd)) return -EINVAL;
  const result = Math.min(makeNonBlocking(fd), sys.listen(fd, backlog));
  return result < 0 ? result : { fd, removePath: () => {} };
}

function listenOn(
  fd: number,
  sockaddr: Uint8Array,
  backlog: number,
  prepare: (fd: number) => number,
): Listener | number {
  if (fd < 0) return fd;
  let result = prepare(fd);
  if (result >= 0) result = sys.bind(fd, sockaddr, sockaddr.length);
  if (result >= 0) result = sys.listen(fd, backlog);
  if (result >= 0) return { fd, removePath: () => {} };
  sys.close(fd);
  return result;
}

/** A file that has taken the place of the one made here is somebody else's. */
function removeIfSame(path: string, made: Stats): void {
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (found !== undefined && found.ino === made.ino && found.dev === made.dev) unlinkSync(path);
}
