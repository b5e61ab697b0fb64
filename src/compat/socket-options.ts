/** Options of descriptors. Each returns 0 or `-errno`. */
import {
  AF_UNIX,
  F_GETFL,
  F_SETFL,
  IPPROTO_TCP,
  O_NONBLOCK,
  SO_DOMAIN,
  SO_KEEPALIVE,
  SO_LINGER,
  SO_TYPE,
  SOCK_DGRAM,
  SOCK_STREAM,
  SOL_SOCKET,
  TCP_KEEPCNT,
  TCP_KEEPIDLE,
  TCP_KEEPINTVL,
  TCP_NODELAY,
} from "../abi/index.ts";
import * as sys from "../sys/index.ts";

/** Node's documentation of `socket.setKeepAlive` names these two. */
const KEEP_ALIVE_PROBES = 10;
const KEEP_ALIVE_INTERVAL_SECONDS = 1;

const value = new Int32Array(1);
const valueLength = new Uint32Array(1);

/** setsockopt(2) of an int. */
export function setInt(fd: number, level: number, option: number, number: number): number {
  value[0] = number;
  return sys.setsockopt(fd, level, option, value, 4);
}

/** getsockopt(2) of an int that is never negative: its value, or `-errno`. */
export function getInt(fd: number, level: number, option: number): number {
  valueLength[0] = 4;
  const result = sys.getsockopt(fd, level, option, value, valueLength);
  return result < 0 ? result : (value[0] as number);
}

/** TCP_NODELAY. tcp(7) */
export function setNoDelay(fd: number, isOn: boolean): number {
  return setInt(fd, IPPROTO_TCP, TCP_NODELAY, isOn ? 1 : 0);
}

/** SO_KEEPALIVE and when it begins to probe; a delay of 0 leaves the system's. socket(7), tcp(7) */
export function setKeepAlive(fd: number, isOn: boolean, delaySeconds: number): number {
  const result = setInt(fd, SOL_SOCKET, SO_KEEPALIVE, isOn ? 1 : 0);
  if (result < 0 || !isOn || delaySeconds <= 0) return result;
  setInt(fd, IPPROTO_TCP, TCP_KEEPINTVL, KEEP_ALIVE_INTERVAL_SECONDS);
  setInt(fd, IPPROTO_TCP, TCP_KEEPCNT, KEEP_ALIVE_PROBES);
  return setInt(fd, IPPROTO_TCP, TCP_KEEPIDLE, delaySeconds);
}

/** Makes close(2) send a reset and drop what waits: SO_LINGER of 0 seconds. socket(7) */
export function resetOnClose(fd: number): number {
  return sys.setsockopt(fd, SOL_SOCKET, SO_LINGER, new Int32Array([1, 0]), 8);
}

/** Whether a descriptor is a stream socket that these faces can serve: TCP or unix. */
export function isStreamSocket(fd: number): boolean {
  return getInt(fd, SOL_SOCKET, SO_TYPE) === SOCK_STREAM;
}

export function isDatagramSocket(fd: number): boolean {
  return getInt(fd, SOL_SOCKET, SO_TYPE) === SOCK_DGRAM;
}

export function isUnixSocket(fd: number): boolean {
  return getInt(fd, SOL_SOCKET, SO_DOMAIN) === AF_UNIX;
}

/** O_NONBLOCK, which accept and connect need. fcntl(2) */
export function makeNonBlocking(fd: number): number {
  const flags = sys.fcntl(fd, F_GETFL);
  return flags < 0 ? flags : sys.fcntl(fd, F_SETFL, flags | O_NONBLOCK);
}
