/**
 * How `net.Socket` connects: from its options to a wire that is connected, through look-up, binding to an own address,
 * and the attempts on one address after another.
 */
import { ADDRCONFIG, type LookupAddress, type LookupOptions, lookup as systemLookup } from "node:dns";
import {
  type BlockList,
  getDefaultAutoSelectFamily,
  getDefaultAutoSelectFamilyAttemptTimeout,
  isIP,
  type LookupFunction,
} from "node:net";
import {
  AF_INET,
  AF_INET6,
  AF_UNIX,
  EADDRNOTAVAIL,
  EINVAL,
  SOCK_CLOEXEC,
  SOCK_NONBLOCK,
  SOCK_STREAM,
} from "../abi/index.ts";
import * as sys from "../sys/index.ts";
import { aboutError, allFailed, invalidArgType, plainError, systemError } from "./errors.ts";
import { ipSockaddr, unixSockaddr } from "./names.ts";
import { checkBoolean, checkFunction, checkInteger, checkNumber, checkPort, checkString } from "./validate.ts";
import type { Wire } from "./wire.ts";

/** Shorter limits for one attempt are made this long, as Node's documentation says. */
const SHORTEST_ATTEMPT_MS = 10;
/** Addresses of one name that are tried. */
const MAX_ADDRESSES = 64;
const LONGEST_ATTEMPT_MS = 2 ** 31 - 1;

/** What `socket.connect` takes. */
export interface ConnectRequest {
  readonly port?: unknown;
  readonly host?: string | undefined;
  readonly path?: string | undefined;
  readonly localAddress?: string | undefined;
  readonly localPort?: number | undefined;
  readonly family?: number | string | undefined;
  readonly hints?: number | undefined;
  readonly lookup?: LookupFunction | undefined;
  readonly autoSelectFamily?: boolean | undefined;
  readonly autoSelectFamilyAttemptTimeout?: number | undefined;
  readonly blockList?: BlockList | undefined;
}

/** The socket's part in it. */
export interface Connector {
  /** False once the socket is destroyed: then nothing more is tried. */
  readonly connecting: boolean;
  emit(event: string, ...args: unknown[]): boolean;
  /** Makes the descriptor the one that is tried. */
  newWire(fd: number): Wire;
  /** Closes the descriptor whose attempt failed. */
  dropWire(): void;
  connectionMade(): void;
  connectionFailed(error: Error): void;
  /** Addresses that were tried, `host:port`, of a name with several. */
  autoSelectFamilyAttemptedAddresses: string[] | undefined;
}

interface Target {
  readonly address: string;
  readonly family: 4 | 6;
}

/** Starts to connect. @throws for arguments that cannot be; all else reaches the connector. */
export function startConnecting(connector: Connector, request: ConnectRequest): void {
  if (request.path) {
    checkString(request.path, "options.path");
    connectUnix(connector, request.path);
    return;
  }
  const attempt = checkRequest(connector, request);
  const host = request.host || "localhost";
  const family = isIP(host);
  if (family !== 0) {
    // As with a look-up, the attempt begins after the caller has had the chance to listen.
    process.nextTick(() => attempt.one({ address: host, family: family as 4 | 6 }));
    return;
  }
  checkString(host, "options.host");
  attempt.lookUp(host);
}

function checkRequest(connector: Connector, request: ConnectRequest): Attempt {
  const { localAddress, localPort, port, lookup } = request;
  if (localAddress && isIP(localAddress) === 0) throw invalidAddress(localAddress);
  if (localPort) checkNumber(localPort, "options.localPort");
  if (port !== undefined && typeof port !== "number" && typeof port !== "string") {
    throw invalidArgType("options.port", "one of type number or string", port);
  }
  const portNumber = port === undefined ? 0 : checkPort(port);
  const autoSelectFamily = request.autoSelectFamily ?? getDefaultAutoSelectFamily();
  checkBoolean(autoSelectFamily, "options.autoSelectFamily");
  const timeoutMs = request.autoSelectFamilyAttemptTimeout ?? getDefaultAutoSelectFamilyAttemptTimeout();
  checkInteger(timeoutMs, "options.autoSelectFamilyAttemptTimeout", 1, LONGEST_ATTEMPT_MS);
  if (lookup != null) checkFunction(lookup, "options.lookup");
  return new Attempt(connector, request, portNumber, autoSelectFamily, Math.max(timeoutMs, SHORTEST_ATTEMPT_MS));
}

function connectUnix(connector: Connector, path: string): void {
  const place = { address: path };
  const sockaddr = unixSockaddr(path);
  const fd = sockaddr === undefined ? -EINVAL : sys.socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0 || sockaddr === undefined) {
    process.nextTick(() => connector.connectionFailed(systemError(-fd, "connect", place)));
    return;
  }
  connector.newWire(fd).connect(sockaddr, (errno) => {
    if (errno === 0) connector.connectionMade();
    else connector.connectionFailed(systemError(errno, "connect", place));
  });
}

/** The attempts of one `connect`. */
class Attempt {
  readonly #connector: Connector;
  readonly #request: ConnectRequest;
  readonly #port: number;
  readonly #autoSelectFamily: boolean;
  readonly #timeoutMs: number;

  constructor(
    connector: Connector,
    request: ConnectRequest,
    port: number,
    autoSelectFamily: boolean,
    timeoutMs: number,
  ) {
    this.#connector = connector;
    this.#request = request;
    this.#port = port;
    this.#autoSelectFamily = autoSelectFamily;
    this.#timeoutMs = timeoutMs;
  }

  lookUp(host: string): void {
    const { family, hints = 0, localAddress } = this.#request;
    const lookup = this.#request.lookup ?? (systemLookup as LookupFunction);
    const wantsOne = family === 4 || family === 6;
    const options = { family, hints: wantsOne || hints !== 0 ? hints : ADDRCONFIG } as LookupOptions;
    if (this.#autoSelectFamily && !wantsOne && !localAddress) {
      lookup(host, { ...options, all: true }, (error, found) => this.#foundMany(host, error, found));
    } else {
      lookup(host, options, (error, address, found) => this.#foundOne(host, error, address as string, found));
    }
  }

  #foundOne(host: string, error: Error | null, address: string, family: number | undefined): void {
    const connector = this.#connector;
    connector.emit("lookup", error, address, family, host);
    if (!connector.connecting) return;
    if (error) this.#failSoon(error);
    else if (isIP(address) === 0) this.#failSoon(invalidAddress(address));
    else if (family !== 4 && family !== 6) this.#failSoon(this.#invalidFamily(family, host));
    else this.one({ address, family });
  }

  #foundMany(host: string, error: Error | null, found: string | LookupAddress[]): void {
    const connector = this.#connector;
    if (!connector.connecting) return;
    if (error) {
      connector.emit("lookup", error, undefined, undefined, host);
      if (connector.connecting) this.#failSoon(error);
      return;
    }
    const answers = Array.isArray(found) ? found : [];
    const targets: Target[] = [];
    for (const { address, family } of answers.slice(0, MAX_ADDRESSES)) {
      connector.emit("lookup", error, address, family, host);
      if (isIP(address) !== 0 && (family === 4 || family === 6)) targets.push({ address, family });
    }
    if (!connector.connecting) return;
    const [first] = targets;
    if (first === undefined) {
      const [bad] = answers;
      const isFamily = bad !== undefined && isIP(bad.address) !== 0;
      this.#failSoon(isFamily ? this.#invalidFamily(bad.family, host) : invalidAddress(bad?.address));
    } else if (targets.length === 1) {
      this.one(first);
    } else {
      connector.autoSelectFamilyAttemptedAddresses = [];
      this.#tryNext(interleave(targets), []);
    }
  }

  /** The attempt on an only address. */
  one(target: Target): void {
    const connector = this.#connector;
    if (!connector.connecting) return;
    this.#open(target, (error) => {
      if (error === undefined) connector.connectionMade();
      else connector.connectionFailed(error);
    });
  }

  /** Tries address after address; one that does not answer in time makes place for the next. */
  #tryNext(targets: readonly Target[], errors: NodeJS.ErrnoException[]): void {
    const connector = this.#connector;
    if (!connector.connecting) return;
    const [target, ...others] = targets;
    if (target === undefined) {
      const error = errors.length === 0 ? plainError("ERR_SOCKET_CONNECTION_TIMEOUT") : allFailed(errors);
      connector.connectionFailed(error);
      return;
    }
    const { address, family } = target;
    connector.autoSelectFamilyAttemptedAddresses?.push(`${address}:${this.#port}`);
    let timer: NodeJS.Timeout | undefined;
    let isOver = false;
    this.#open(target, (error) => {
      if (isOver) return;
      isOver = true;
      clearTimeout(timer);
      if (error === undefined) {
        connector.connectionMade();
        return;
      }
      errors.push(error);
      connector.dropWire();
      connector.emit("connectionAttemptFailed", address, this.#port, family, error);
      this.#tryNext(others, errors);
    });
    if (isOver || others.length === 0) return;
    timer = setTimeout(() => {
      if (isOver || !connector.connecting) return;
      isOver = true;
      connector.dropWire();
      connector.emit("connectionAttemptTimeout", address, this.#port, family);
      this.#tryNext(others, errors);
    }, this.#timeoutMs);
  }

  /** Opens, binds and connects one descriptor. */
  #open({ address, family }: Target, done: (error?: NodeJS.ErrnoException) => void): void {
    const connector = this.#connector;
    const { localAddress, localPort = 0, blockList } = this.#request;
    const place = { address, port: this.#port };
    if (blockList?.check(address, family === 6 ? "ipv6" : "ipv4")) {
      done(aboutError(Error, "ERR_IP_BLOCKED", `IP(${address}) is blocked by net.BlockList`));
      return;
    }
    const type = SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK;
    const fd = sys.socket(family === 6 ? AF_INET6 : AF_INET, type, 0);
    if (fd < 0) {
      done(systemError(-fd, "connect", place));
      return;
    }
    const wire = connector.newWire(fd);
    if (localAddress || localPort) {
      const own = localAddress || (family === 6 ? "::" : "0.0.0.0");
      const errno = bindTo(fd, own, localPort, family === 6);
      if (errno !== 0) {
        done(systemError(errno, "bind", { address: own, port: localPort }));
        return;
      }
    }
    connector.emit("connectionAttempt", address, this.#port, family);
    if (!connector.connecting) return;
    const sockaddr = ipSockaddr(address, this.#port, family === 6);
    if (sockaddr === undefined) {
      done(systemError(EINVAL, "connect", place));
      return;
    }
    const local = localAddress && localPort ? { address: localAddress, port: localPort } : undefined;
    wire.connect(sockaddr, (errno) =>
      done(errno === 0 ? undefined : systemError(errno, "connect", { ...place, local })),
    );
  }

  #failSoon(error: Error): void {
    process.nextTick(() => {
      if (this.#connector.connecting) this.#connector.connectionFailed(error);
    });
  }

  #invalidFamily(family: unknown, host: string): Error {
    const message = `Invalid address family: ${family} ${host}:${this.#port}`;
    return Object.assign(aboutError(RangeError, "ERR_INVALID_ADDRESS_FAMILY", message), { host, port: this.#port });
  }
}

function invalidAddress(address: unknown): Error {
  return aboutError(TypeError, "ERR_INVALID_IP_ADDRESS", `Invalid IP address: ${address}`);
}

function bindTo(fd: number, address: string, port: number, isV6: boolean): number {
  const sockaddr = ipSockaddr(address, port, isV6);
  return sockaddr === undefined ? EADDRNOTAVAIL : -sys.bind(fd, sockaddr, sockaddr.length);
}

/** Families in turn, beginning with that of the first answer, so that one that is broken costs one attempt. RFC 8305 */
function interleave(targets: readonly Target[]): Target[] {
  const first = targets.filter(({ family }) => family === targets[0]?.family);
  const second = targets.filter(({ family }) => family !== targets[0]?.family);
  const mixed: Target[] = [];
  for (let i = 0; i < Math.max(first.length, second.length); i++) {
    mixed.push(...first.slice(i, i + 1), ...second.slice(i, i + 1));
  }
  return mixed;
}
