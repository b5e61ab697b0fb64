/** The calls of the comparison with Python's socket module, made by Portolan. The other side is python-socket.py. */
import { closeSync, openSync } from "node:fs";
import { basename, join, relative } from "node:path";
import {
  type Ancillary,
  encodeAncillary,
  getaddrinfoSync,
  getnameinfoSync,
  getprotobyname,
  getservbynameSync,
  getservbyportSync,
  if_indextoname,
  if_nametoindex,
  isLookupError,
  isSystemError,
  Socket,
  type SocketAddress,
} from "portolan";
import {
  AF_INET6,
  CMSG_LEN,
  CMSG_SPACE,
  decodeCmsgs,
  htonl,
  htons,
  inet_aton,
  inet_ntop,
  inet_pton,
  MSG_CTRUNC,
  MSG_DONTWAIT,
  MSG_EOR,
  MSG_ERRQUEUE,
  MSG_OOB,
  MSG_TRUNC,
  ntohl,
  ntohs,
} from "portolan/abi";
import { type Address, type Answer, number, type Step } from "./step.ts";

const LIMIT_MS = 30_000;
const RESULT_FLAGS = { MSG_TRUNC, MSG_CTRUNC, MSG_EOR, MSG_OOB, MSG_ERRQUEUE } as const;
const HOW: Readonly<Record<string, "read" | "write" | "both">> = {
  SHUT_RD: "read",
  SHUT_WR: "write",
  SHUT_RDWR: "both",
};
const ORDER: Readonly<Record<string, (value: number) => number>> = { htonl, htons, ntohl, ntohs };
type Control = readonly (readonly [level: string, type: string, data: string])[];

/** The sockets of one case, by name, and the calls on them. */
export class Ours {
  readonly #folder: string;
  readonly #sockets = new Map<string, Socket>();
  readonly #limits = new Map<Socket, number>();

  /** @param folder for unix sockets; its last part makes abstract names unique. */
  constructor(folder: string) {
    this.#folder = folder;
  }

  /** Makes one call, and says what it gave. */
  run([operation, ...args]: Step): Answer {
    const method: unknown = Reflect.get(this, operation);
    if (typeof method !== "function") throw new Error(`there is no operation ${operation}`);
    try {
      return (Reflect.apply(method, this, args) as Answer) ?? null;
    } catch (error) {
      if (isSystemError(error) || isLookupError(error)) return { error: error.code };
      if (error instanceof TypeError || error instanceof RangeError) return { error: "refused" };
      throw error;
    }
  }

  close(): void {
    for (const socket of this.#sockets.values()) socket.close();
  }

  socket(name: string, family: string | number, type: string | number, protocol: string | number): Answer {
    const socket = this.#keep(name, new Socket(number(family), number(type), number(protocol)));
    return [socket.family, socket.type, socket.protocol];
  }

  pair(first: string, second: string, type: string): void {
    const [one, other] = Socket.pair(number(type));
    this.#keep(first, one);
    this.#keep(second, other);
  }

  adopt(name: string, fd: number): void {
    this.#keep(name, Socket.from(fd));
  }

  adopt_file(name: string): void {
    const fd = openSync("/dev/null", "r");
    try {
      this.#keep(name, Socket.from(fd));
    } finally {
      closeSync(fd);
    }
  }

  adopt_copy(name: string, of: string): Answer {
    const socket = this.#keep(name, Socket.from(this.#socket(of).dup().detach()));
    return [socket.family, socket.type];
  }

  dup(name: string, of: string): void {
    this.#keep(name, this.#socket(of).dup());
  }

  close_one(name: string): void {
    this.#socket(name).close();
  }

  limit(name: string, timeoutMs: number): void {
    this.#limits.set(this.#socket(name), timeoutMs);
  }

  bind(name: string, address: Address): void {
    this.#socket(name).bind(this.#address(address));
  }

  listen(name: string, backlog: number): void {
    this.#socket(name).listen(backlog);
  }

  accept(name: string, peer: string): Answer {
    const listener = this.#socket(name);
    const limit = this.#limits.get(listener);
    const accepted = limit === 0 ? listener.tryAccept() : listener.acceptSync({ timeoutMs: limit ?? LIMIT_MS });
    if (accepted === undefined) return { error: "EAGAIN" };
    return this.#shown(this.#keep(peer, accepted).remoteAddress);
  }

  connect(name: string, address: Address): Answer {
    const socket = this.#socket(name);
    const limit = this.#limits.get(socket);
    if (limit !== 0) return socket.connectSync(this.#address(address), { timeoutMs: limit ?? LIMIT_MS });
    const outcome = socket.tryConnect(this.#address(address));
    return outcome === "connected" ? null : { error: outcome };
  }

  start_connect(name: string, address: Address): Answer {
    this.limit(name, 0);
    try {
      return this.#socket(name).tryConnect(this.#address(address));
    } catch (error) {
      if (isSystemError(error)) return error.code;
      throw error;
    }
  }

  error(name: string): Answer {
    return this.#socket(name).takeError()?.code;
  }

  own(name: string): Answer {
    return this.#shown(this.#socket(name).localAddress);
  }

  peer(name: string): Answer {
    const socket = this.#socket(name);
    // What the kernel says is wanted here, not what was remembered.
    const address = socket.closed ? socket.remoteAddress : (socket.remoteAddress ?? { error: "ENOTCONN" });
    return address !== undefined && "error" in address ? address : this.#shown(address);
  }

  send(name: string, text: string, flags: string | number = 0): Answer {
    const socket = this.#socket(name);
    return socket.sendSync(text, this.#options(socket, flags));
  }

  send_much(name: string, size: number, flags: string | number = 0): Answer {
    const socket = this.#socket(name);
    return socket.sendSync(new Uint8Array(size), this.#options(socket, flags));
  }

  fill(name: string): Answer {
    const socket = this.#socket(name);
    this.limit(name, 0);
    for (;;) socket.sendSync(new Uint8Array(65536), this.#options(socket, 0));
  }

  sendto(name: string, text: string, address: Address, flags: string | number = 0): Answer {
    const socket = this.#socket(name);
    return socket.sendToSync(text, this.#address(address), this.#options(socket, flags));
  }

  sendto_much(name: string, size: number, address: Address): Answer {
    const socket = this.#socket(name);
    return socket.sendToSync(new Uint8Array(size), this.#address(address), this.#options(socket, 0));
  }

  recv(name: string, size: number, flags: string | number = 0): Answer {
    const socket = this.#socket(name);
    return socket.recvSync(size, this.#options(socket, flags)).toString();
  }

  recv_into(name: string, size: number, flags: string | number = 0): Answer {
    const socket = this.#socket(name);
    const room = Buffer.alloc(size);
    return [socket.recvSync(room, this.#options(socket, flags)), room.toString("hex")];
  }

  recvfrom(name: string, size: number, flags: string | number = 0): Answer {
    const socket = this.#socket(name);
    const { bytes, address } = socket.recvFromSync(size, this.#options(socket, flags));
    return [bytes.toString(), this.#shown(address)];
  }

  sendmsg(
    name: string,
    parts: readonly string[],
    control: Control = [],
    flags: string | number = 0,
    to?: Address,
  ): Answer {
    const socket = this.#socket(name);
    const message = {
      data: parts.map((part) => Buffer.from(part)),
      control: control.map(([level, type, data]) => ({
        type: "raw" as const,
        level: number(level),
        number: number(type),
        data: Buffer.from(data, "hex"),
      })),
      flags: this.#options(socket, flags).flags,
      to: to === undefined ? undefined : this.#address(to),
    };
    return socket.sendMessageSync(message, { timeoutMs: LIMIT_MS });
  }

  recvmsg(name: string, sizeBytes: number, controlBytes = 0, flags: string | number = 0): Answer {
    const socket = this.#socket(name);
    const room = { sizeBytes, controlBytes, flags: this.#options(socket, flags).flags };
    using message = socket.recvMessageSync(room, { timeoutMs: LIMIT_MS });
    const names = Object.entries(RESULT_FLAGS).filter(([, flag]) => (message.flags & flag) !== 0);
    const address = this.#shown(message.address);
    return [message.bytes.toString(), control(message.ancillary), names.map(([flag]) => flag), address];
  }

  recvmsg_into(name: string, sizes: readonly number[]): Answer {
    const buffers = sizes.map((size) => new Uint8Array(size));
    using message = this.#socket(name).recvMessageSync({ buffers }, { timeoutMs: LIMIT_MS });
    return [message.lengthBytes, message.bytes.toString()];
  }

  send_fds(name: string, text: string, others: readonly string[]): Answer {
    const descriptors = others.map((other) => this.#socket(other).fd);
    return this.#sendDescriptors(name, text, descriptors);
  }

  send_bad_fd(name: string, text: string): Answer {
    return this.#sendDescriptors(name, text, [999999]);
  }

  recv_fds(name: string, sizeBytes: number, maxDescriptors: number): Answer {
    using message = this.#socket(name).recvMessageSync({ sizeBytes, maxDescriptors }, { timeoutMs: LIMIT_MS });
    return [message.bytes.toString(), message.find("SCM_RIGHTS")?.descriptors.length ?? 0];
  }

  get(name: string, level: string, option: string): Answer {
    const bytes = this.#socket(name).getRawOption(number(level), number(option), 4);
    return Buffer.from(bytes).readInt32LE();
  }

  get_bytes(name: string, level: string, option: string, sizeBytes: number): Answer {
    return Buffer.from(this.#socket(name).getRawOption(number(level), number(option), sizeBytes)).toString("hex");
  }

  set(name: string, level: string, option: string, value: string | number): void {
    this.#socket(name).setRawOption(number(level), number(option), number(value));
  }

  set_bytes(name: string, level: string, option: string, value: string): void {
    this.#socket(name).setRawOption(number(level), number(option), Buffer.from(value, "hex"));
  }

  shutdown(name: string, how: string): void {
    this.#socket(name).shutdown(HOW[how] as "both");
  }

  inet_pton(family: string, text: string): Answer {
    return hexOrRefused(inet_pton(number(family), text));
  }

  inet_ntop(family: string, data: string): Answer {
    return inet_ntop(number(family), Buffer.from(data, "hex"));
  }

  inet_aton(text: string): Answer {
    return hexOrRefused(inet_aton(text));
  }

  order(name: string, value: number): Answer {
    return ORDER[name]?.(value);
  }

  cmsg(name: string, length: number): Answer {
    return name === "CMSG_LEN" ? CMSG_LEN(length) : CMSG_SPACE(length);
  }

  if_nametoindex(name: string): Answer {
    return if_nametoindex(name);
  }

  if_indextoname(index: number): Answer {
    return if_indextoname(index);
  }

  getservbyname(name: string, protocol: string): Answer {
    return getservbynameSync(name, protocol)?.port ?? { error: "refused" };
  }

  getservbyport(port: number, protocol: string): Answer {
    return getservbyportSync(port, protocol)?.name ?? { error: "refused" };
  }

  getprotobyname(name: string): Answer {
    return getprotobyname(name)?.protocol ?? { error: "refused" };
  }

  getaddrinfo(
    host: string | null,
    service: string | null,
    family: string | number = 0,
    type: string | number = 0,
    protocol: string | number = 0,
    flags: string | number = 0,
  ): Answer {
    const hints = { family: number(family), type: number(type), protocol: number(protocol), flags: number(flags) };
    return getaddrinfoSync(host, service, hints).map((found) => {
      const socket = { family: FAMILIES[found.family] ?? found.family, type: TYPES[found.type] ?? found.type };
      return [socket.family, socket.type, found.protocol, found.canonicalName ?? "", parts(found.address)];
    });
  }

  getnameinfo(address: Address, flags: string | number): Answer {
    const { host, service } = getnameinfoSync(this.#address(address), { flags: number(flags) });
    return [host, service];
  }

  #keep(name: string, socket: Socket): Socket {
    this.#sockets.get(name)?.close();
    this.#sockets.set(name, socket);
    return socket;
  }

  #socket(name: string): Socket {
    const socket = this.#sockets.get(name);
    if (socket === undefined) throw new Error(`there is no socket ${name}`);
    return socket;
  }

  /** No limit is "as soon as it can be", which Python has as a property of the socket. */
  #options(socket: Socket, flags: string | number): { flags: number; timeoutMs: number } {
    const limit = this.#limits.get(socket) ?? LIMIT_MS;
    return limit === 0
      ? { flags: number(flags) | MSG_DONTWAIT, timeoutMs: LIMIT_MS }
      : { flags: number(flags), timeoutMs: limit };
  }

  #sendDescriptors(name: string, text: string, descriptors: number[]): Answer {
    const message = { data: text, control: [{ type: "SCM_RIGHTS" as const, descriptors }] };
    return this.#socket(name).sendMessageSync(message, { timeoutMs: LIMIT_MS });
  }

  #address([kind, ...rest]: Address): SocketAddress {
    switch (kind) {
      case "path":
        return { family: "unix", kind, path: join(this.#folder, String(rest[0])) };
      case "abstract":
        return { family: "unix", kind, name: `${rest[0]}${basename(this.#folder)}` };
      case "unnamed":
        return { family: "unix", kind };
      case "netlink":
        return { family: kind, pid: Number(rest[0]), groups: Number(rest[1]) };
    }
    const [address, port, flowinfo = 0, scopeId = 0] = rest as [string, number | string, number?, number?];
    const of = typeof port === "string" ? this.#socket(port).localAddress : { port };
    const found = { address, port: (of as { port: number }).port };
    return kind === "inet" ? { family: "inet", ...found } : { family: "inet6", ...found, flowinfo, scopeId };
  }

  #shown(address: SocketAddress | undefined): Answer {
    switch (address?.family) {
      case undefined:
        return null;
      case "inet":
      case "inet6":
        return [
          address.family,
          ...parts({ ...address, port: 0 }).map((part, at) => (at === 1 ? somePort(address) : part)),
        ];
      case "netlink":
        return ["netlink", address.pid === 0 ? 0 : "own", address.groups];
      case "unix":
        return this.#shownUnix(address);
      default:
        return ["other"];
    }
  }

  #shownUnix(address: SocketAddress & { family: "unix" }): Answer {
    if (address.kind === "unnamed") return null;
    if (address.kind === "path") return ["path", relative(this.#folder, String(address.path))];
    const mark = basename(this.#folder);
    const name = String(address.name);
    return ["abstract", name.includes(mark) ? name.replace(mark, "") : name.length];
  }
}

const FAMILIES: Readonly<Record<string, number>> = { inet: 2, inet6: AF_INET6 };
const TYPES: Readonly<Record<string, number>> = { stream: 1, dgram: 2, raw: 3, seqpacket: 5 };

function hexOrRefused(bytes: Uint8Array | null): Answer {
  return bytes === null ? { error: "refused" } : Buffer.from(bytes).toString("hex");
}

/** As Python has them: host and port, and of IPv6 also flow and scope. */
function parts(address: SocketAddress): (string | number)[] {
  if (address.family === "inet") return [address.address, address.port];
  if (address.family !== "inet6") return [address.family];
  return [address.address, address.port, address.flowinfo ?? 0, address.scopeId ?? 0];
}

function somePort({ port }: { readonly port: number }): string | number {
  return port === 0 ? 0 : "some";
}

/** Encoded once more, and without zeros at the end: the kernel gives a type of service in one byte, and takes it in four. */
function control(ancillary: readonly Ancillary[]): Answer {
  return decodeCmsgs(encodeAncillary(ancillary)).map(({ level, type, data }) => [
    level,
    type,
    Buffer.from(data)
      .toString("hex")
      .replace(/(00)+$/, ""),
  ]);
}
