/** The part of `Socket` that reads and writes options. */
import { EINVAL, ERANGE, writeU32 } from "../abi/index.ts";
import { getsockopt, setsockopt } from "../sys/index.ts";
import { SystemError } from "./errors.ts";
import { checkInt } from "./names.ts";
import { explainOptionFailure } from "./options/explain.ts";
import {
  type AnyOption,
  findOption,
  type Option,
  type OptionArgument,
  type OptionName,
  type OptionReadValue,
  type OptionValues,
  type OptionWriteValue,
  options,
  type WritableOptionName,
} from "./options.ts";
import { type ConnectionInfo, nameTcpInfo } from "./tcp-info.ts";

/** The longest value that {@link OptionAccess.getRawOption} asks the kernel for. */
const MAX_OPTION_BYTES = 1 << 20;

export abstract class OptionAccess {
  /** The socket's protocol. */
  abstract readonly protocol: number;

  /** The open descriptor. @throws SystemError EBADF when the socket is closed. */
  protected abstract descriptor(syscall: string): number;

  /**
   * The value of an option, given by its C name or as a constant of `options`. getsockopt(2)
   *
   *     socket.getOption("SO_RCVBUF"); // 131072
   *
   * @param argument what is asked about, for the few options whose reading takes it, such as the group of MCAST_MSFILTER.
   * @throws TypeError for a name that is not known or an option that can only be written; SystemError ENOPROTOOPT …
   */
  getOption<Name extends OptionName>(
    option: Name,
    ...argument: undefined extends OptionArgument<Name> ? [OptionArgument<Name>?] : [OptionArgument<Name>]
  ): OptionReadValue<Name>;
  getOption<Read, Argument>(option: Option<Read, never, Argument>, argument?: Argument): Read;
  getOption(optionOrName: string | AnyOption, argument?: unknown): unknown {
    const option = findOption(optionOrName);
    const fd = this.descriptor("getsockopt");
    if (!option.readable) throw new TypeError(`${option.name} can only be written`);
    return option.decode(readKnown(fd, option, argument));
  }

  /**
   * Sets an option, given by its C name or as a constant of `options`. setsockopt(2)
   *
   *     socket.setOption("TCP_NODELAY", true);
   *
   * @throws TypeError or RangeError for a value that the option does not take, before any system call; SystemError
   * ENOPROTOOPT, EPERM, EINVAL …
   */
  setOption<Name extends WritableOptionName>(option: Name, value: OptionWriteValue<Name>): void;
  setOption<Write>(option: Option<unknown, Write, never>, value: Write): void;
  setOption(optionOrName: string | AnyOption, value: unknown): void {
    const option = findOption(optionOrName);
    const fd = this.descriptor("setsockopt");
    const { name, option: number, writable } = option;
    if (!writable) throw new TypeError(`${name} can only be read`);
    const bytes = option.encode(value as never);
    const result = setsockopt(fd, option.levelFor(value), number, bytes, bytes.length);
    if (result < 0) throw optionError(option, "setsockopt", result, this.protocol);
  }

  /**
   * Sets several options, in the order in which they are written.
   * @param stage which of them: those for a socket that is not bound or connected yet, those for one that is, or all.
   */
  setOptions(values: OptionValues, stage: "all" | "before" | "after" = "all"): void {
    for (const [name, value] of Object.entries(values)) {
      if (value === undefined) continue;
      const isLate = findOption(name).when.startsWith("after");
      if (stage === "all" || isLate === (stage === "after")) this.setOption(name as WritableOptionName, value as never);
    }
  }

  /**
   * What the kernel knows of a TCP connection: TCP_INFO, with the names of its states.
   * @throws SystemError ENOPROTOOPT or EOPNOTSUPP for what is no TCP socket.
   */
  tcpInfo(): ConnectionInfo {
    return nameTcpInfo(this.getOption("TCP_INFO"));
  }

  /**
   * The bytes of any option, named by its numbers. getsockopt(2)
   * @param sizeBytes the room that the kernel is given; what it filled is returned.
   * @throws SystemError ENOPROTOOPT; EINVAL where the size is not the option's.
   */
  getRawOption(level: number, option: number, sizeBytes: number): Uint8Array {
    const fd = this.descriptor("getsockopt");
    checkNumbers(level, option);
    if (!Number.isInteger(sizeBytes) || sizeBytes < 0 || sizeBytes > MAX_OPTION_BYTES) {
      throw new RangeError(`sizeBytes is an integer from 0 to ${MAX_OPTION_BYTES}, not ${sizeBytes}`);
    }
    const bytes = new Uint8Array(sizeBytes);
    const length = new Uint32Array([sizeBytes]);
    const result = getsockopt(fd, level, option, bytes, length);
    if (result < 0) throw rawOptionError(level, option, "getsockopt", result, this.protocol);
    return bytes.subarray(0, Math.min(length[0] as number, sizeBytes));
  }

  /**
   * Sets any option, named by its numbers. setsockopt(2)
   * @param value its bytes, or a number for an option that is a C int, signed or not.
   * @throws RangeError for a number that is none of a C int;  SystemError ENOPROTOOPT, EPERM; EINVAL where the size is not the option's.
   */
  setRawOption(level: number, option: number, value: Uint8Array | number): void {
    const fd = this.descriptor("setsockopt");
    checkNumbers(level, option);
    const bytes = typeof value === "number" ? intBytes(value) : value;
    if (!(bytes instanceof Uint8Array)) throw new TypeError("an option's value is a Uint8Array or a number");
    const result = setsockopt(fd, level, option, bytes, bytes.length);
    if (result < 0) throw rawOptionError(level, option, "setsockopt", result, this.protocol);
  }

  /** Whether datagrams may be sent to broadcast addresses: SO_BROADCAST. */
  get broadcast(): boolean {
    return this.getOption("SO_BROADCAST");
  }

  set broadcast(value: boolean) {
    this.setOption("SO_BROADCAST", value);
  }

  /** Whether an idle connection is probed: SO_KEEPALIVE. How often is TCP_KEEPIDLE, TCP_KEEPINTVL and TCP_KEEPCNT. */
  get keepAlive(): boolean {
    return this.getOption("SO_KEEPALIVE");
  }

  set keepAlive(value: boolean) {
    this.setOption("SO_KEEPALIVE", value);
  }

  /** How long closing may go on with sending what is unsent; undefined leaves it to the kernel, 0 resets: SO_LINGER. */
  get lingerSeconds(): number | undefined {
    const { enabled, seconds } = this.getOption("SO_LINGER");
    return enabled ? seconds : undefined;
  }

  set lingerSeconds(seconds: number | undefined) {
    this.setOption("SO_LINGER", { enabled: seconds !== undefined, seconds: seconds ?? 0 });
  }

  /** Whether small writes leave at once, without Nagle's algorithm: TCP_NODELAY. */
  get noDelay(): boolean {
    return this.getOption("TCP_NODELAY");
  }

  set noDelay(value: boolean) {
    this.setOption("TCP_NODELAY", value);
  }

  /** SO_RCVBUF. The kernel doubles what is set, to have room for its own records, and reports the double. */
  get receiveBufferBytes(): number {
    return this.getOption("SO_RCVBUF");
  }

  set receiveBufferBytes(value: number) {
    this.setOption("SO_RCVBUF", value);
  }

  /** Whether a listener may take an address whose earlier connections are in TIME_WAIT: SO_REUSEADDR. */
  get reuseAddress(): boolean {
    return this.getOption("SO_REUSEADDR");
  }

  set reuseAddress(value: boolean) {
    this.setOption("SO_REUSEADDR", value);
  }

  /** Whether sockets of one user may share an address, the kernel spreading what comes: SO_REUSEPORT. */
  get reusePort(): boolean {
    return this.getOption("SO_REUSEPORT");
  }

  set reusePort(value: boolean) {
    this.setOption("SO_REUSEPORT", value);
  }

  /** SO_SNDBUF. The kernel doubles what is set, to have room for its own records, and reports the double. */
  get sendBufferBytes(): number {
    return this.getOption("SO_SNDBUF");
  }

  set sendBufferBytes(value: number) {
    this.setOption("SO_SNDBUF", value);
  }
}

/** Reads an option of the tables, once more with more room if the kernel says how much it needs. */
function readKnown(fd: number, option: AnyOption, argument: unknown): Uint8Array {
  const { option: number, lengthUnitBytes } = option;
  const level = option.levelFor(argument);
  let bytes = option.request(argument as never);
  const length = new Uint32Array([bytes.length / lengthUnitBytes]);
  let result = getsockopt(fd, level, number, bytes, length);
  while (result === -EINVAL && option.exactLength && bytes.length > 0) {
    bytes = bytes.subarray(1);
    length[0] = bytes.length;
    result = getsockopt(fd, level, number, bytes, length);
  }
  const needed = (length[0] as number) * lengthUnitBytes;
  if ((result === -ERANGE || result === -EINVAL) && needed > bytes.length && needed <= MAX_OPTION_BYTES) {
    bytes = new Uint8Array(needed);
    result = getsockopt(fd, level, number, bytes, length);
  }
  if (result < 0) throw optionError(option, "getsockopt", result);
  return bytes.subarray(0, Math.min((length[0] as number) * lengthUnitBytes, bytes.length));
}

function optionError(
  option: AnyOption,
  syscall: "getsockopt" | "setsockopt",
  errno: number,
  protocol = 0,
): SystemError {
  const explanation = explainOptionFailure(option, syscall, errno, { protocol });
  return new SystemError(syscall, errno, { subject: option.name, ...explanation });
}

/** An option that is known is called by its name in messages, though its numbers were given, and explained as well. */
function rawOptionError(
  level: number,
  option: number,
  syscall: "getsockopt" | "setsockopt",
  errno: number,
  protocol: number,
): SystemError {
  const known = Object.values(options as Readonly<Record<string, AnyOption>>).find(
    (one) => one.level === level && one.option === option,
  );
  if (known !== undefined) return optionError(known, syscall, errno, protocol);
  return new SystemError(syscall, errno, { subject: `option ${option} of level ${level}` });
}

function checkNumbers(level: number, option: number): void {
  if (!Number.isInteger(level)) throw new TypeError(`a level is an integer such as SOL_SOCKET, not ${level}`);
  if (!Number.isInteger(option)) throw new TypeError(`an option is an integer such as SO_REUSEADDR, not ${option}`);
  checkInt("a level", level);
  checkInt("an option's number", option);
}

/** The lower bits are the same, be the C int signed or not. */
function intBytes(value: number): Uint8Array {
  if (!Number.isInteger(value) || value < -0x8000_0000 || value > 0xffff_ffff) {
    throw new RangeError(`a value that is a C int is an integer from -2147483648 to 4294967295, not ${value}`);
  }
  const bytes = new Uint8Array(4);
  writeU32(bytes, 0, value >>> 0);
  return bytes;
}
