/**
 * What a failed call usually means, in one clause: the part of an error's message that saves a visit to the manual.
 * Looked up by call and code, then by code alone; a code that is in neither keeps strerror(3)'s words.
 */
import { type ErrnoName, errnoMessage, errnoNumber } from "../abi/index.ts";

type Causes = { readonly [Code in ErrnoName]?: string };

/** What a code means whichever call reports it. Sorted by code. */
const ANY_CALL: Causes = {
  EACCES: "a missing capability, the mode of a file or a rule forbids it",
  EADDRINUSE: "another socket has this address",
  EADDRNOTAVAIL: "no interface of this machine has this address",
  EAFNOSUPPORT: "the address is of another family than the socket, or the kernel lacks the family",
  EALREADY: "an earlier connect is still under way",
  EBADF: "the socket is closed",
  ECONNABORTED: "the connection was given up before it was accepted",
  ECONNREFUSED: "nothing listens there",
  ECONNRESET: "the peer reset the connection: it closed with unread data, crashed, or refused what came",
  EDESTADDRREQ: "no destination: connect first, or send to an address",
  EHOSTUNREACH: "no route to the host, or the host does not answer on its link",
  EINPROGRESS: "the handshake has begun and is not over",
  EINVAL: "the kernel does not take these arguments in the socket's present state",
  EISCONN: "the socket is connected already",
  EMFILE: "this process has as many descriptors open as its limit allows (ulimit -n)",
  EMSGSIZE: "the message is larger than the socket can send in one piece",
  ENETDOWN: "the interface that leads there is down",
  ENETUNREACH: "no route leads to that network",
  ENFILE: "the whole system has no descriptors left",
  ENOBUFS: "the kernel has no buffer space, or the interface's queue is full",
  ENOPROTOOPT: "this kind of socket has no such option, or the kernel is too old for it",
  ENOTCONN: "the socket is not connected",
  ENOTSOCK: "the descriptor is not a socket",
  EOPNOTSUPP: "this kind of socket cannot do that",
  EPERM: "not permitted: a capability is missing, or a firewall rule forbids it",
  EPIPE: "the connection can no longer be written to: it was shut down, or the peer is gone",
  EPROTONOSUPPORT: "this kernel has no such protocol for the family and type",
  EPROTOTYPE: "the socket there is of another type",
  ESOCKTNOSUPPORT: "this family has no such socket type",
  ETIMEDOUT: "the peer did not answer in time",
  ETOOMANYREFS: "too many descriptors are under way to receivers that have not taken them",
};

/** What a code means of one call. Sorted by call, then by code. */
const BY_CALL: Readonly<Record<string, Causes>> = {
  accept: {
    EINVAL: "the socket does not listen: call listen first",
    EOPNOTSUPP: "sockets of this type have no connections to accept",
  },
  bind: {
    EACCES: "ports below 1024 need CAP_NET_BIND_SERVICE; a unix path needs a directory that may be written to",
    EINVAL: "the socket is bound already, or the address is not of its family",
    ENOENT: "the directory of the path does not exist",
    ENOTDIR: "a part of the path is not a directory",
    EROFS: "the file system is read-only",
  },
  connect: {
    EACCES:
      "not allowed: a broadcast address without SO_BROADCAST, a prohibit route, a firewall rule, or the socket file's mode",
    EADDRINUSE: "the local address is in use with this very peer",
    EADDRNOTAVAIL: "no local port is free for this peer, or there is such a connection already",
    EAGAIN: "the listener's queue is full",
    ECONNABORTED: "an earlier connect failed, which this call has cleared: connect once more",
    EINVAL: "the address is not one to connect to: a blackhole route leads there, or the socket cannot change its peer",
    ENODEV: "no transport that this kernel has leads to that CID",
    ENOENT: "no socket file is at this path",
    EPROTOTYPE: "the socket at this path is of another type",
    ETIMEDOUT: "no answer: the host is down, or a firewall drops what is sent there",
  },
  getsockopt: {
    EINVAL: "the size given is not the option's",
    EOPNOTSUPP: "the option cannot be read on this socket",
  },
  listen: {
    EADDRINUSE: "another socket listens at this address",
    EINVAL: "the socket is connected already, or is a unix socket without a name: bind first",
    EOPNOTSUPP: "sockets of this type do not listen",
  },
  recv: {
    ECONNREFUSED: "an earlier datagram was answered: nothing listens there",
    EFAULT: "the memory was transferred to somebody else while the call waited",
    EINVAL: "there is nothing of the kind that the flags ask for, such as urgent data",
    ENOTCONN: "connect first",
    ETIMEDOUT: "the peer stopped answering: what was sent was never acknowledged",
  },
  send: {
    EACCES: "a broadcast address needs SO_BROADCAST, and a unix path write permission; or a rule forbids it",
    EBADF: "a descriptor to be passed is not open",
    ECONNREFUSED: "nothing listens there",
    EDESTADDRREQ: "no destination: connect first, or use sendTo",
    EFAULT: "the memory was transferred to somebody else while the call waited",
    EINVAL: "the kernel does not take this address, these flags or this control data",
    EISCONN: "a connected socket of this type does not send elsewhere",
    ENOENT: "no socket file is at this path",
    ENOTCONN: "connect first",
  },
  sendfile: {
    EBADF: "the file is not open, or not for reading",
    EINVAL: "what is open there is no file that can be read",
    ESPIPE: "what is open there has no offsets: a pipe, a socket or a terminal",
  },
  setsockopt: {
    EINVAL: "the kernel does not take this value or size, or not in the socket's present state",
    ENODEV: "there is no such interface",
    ENOENT: "the kernel has nothing of this name",
    EOPNOTSUPP: "the option cannot be set on this socket",
  },
  socket: {
    EACCES: "this kind of socket needs CAP_NET_RAW",
    EPERM: "this kind of socket needs CAP_NET_RAW",
    EINVAL: "no such family, type or protocol, or not together",
  },
};

/** Calls that fail for the reasons of another. */
const LIKE: Readonly<Record<string, string>> = {
  recvfrom: "recv",
  recvmmsg: "recv",
  recvmsg: "recv",
  sendmmsg: "send",
  sendmsg: "send",
  sendto: "send",
  socketpair: "socket",
};

/** The usual cause of a failure: `causeOf("connect", "ECONNREFUSED")` is `"nothing listens there"`. */
export function causeOf(syscall: string, code: string): string {
  const name = code as ErrnoName;
  return (
    BY_CALL[LIKE[syscall] ?? syscall]?.[name] ?? ANY_CALL[name] ?? lowerFirst(errnoMessage(errnoNumber(code) ?? 0))
  );
}

/** One line of the tables: a code, and what it means of one call, or of all that have no line of their own. */
export interface Cause {
  readonly code: string;
  /** Absent: any call. */
  readonly syscall?: string;
  readonly cause: string;
}

/** Every cause that is known, sorted by code; what holds for any call comes first. */
export function listCauses(): Cause[] {
  const any = Object.entries(ANY_CALL).map(([code, cause]) => ({ code, cause }));
  const byCall = Object.entries(BY_CALL).flatMap(([syscall, causes]) =>
    Object.entries(causes).map(([code, cause]) => ({ code, syscall, cause })),
  );
  // Stable: within a code, the order above is kept.
  return [...any, ...byCall].sort((left, right) => (left.code < right.code ? -1 : Number(left.code > right.code)));
}

function lowerFirst(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1);
}
