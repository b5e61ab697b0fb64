/** What the cases are made of: sockets on the loopback, a sniffer, and control messages. */
import assert from "node:assert/strict";
import { type AnyOption, isSystemError, type OptionName, options, Socket } from "portolan";
import {
  AF_INET6,
  type ControlMessage,
  decodeCmsgs,
  ETH_P_ALL,
  htons,
  IOVEC,
  MSGHDR,
  nameOf,
  PACKET_OUTGOING,
  SOL,
} from "portolan/abi";
import { addressOf, recvmsg } from "portolan/sys";

/**
 * How an option is shown to work: set and read back; by what it does to sockets; by the packets that leave; by another
 * source that says the same.
 */
export type Proof = "read back" | "effect" | "wire" | "compared";

export interface OptionCase {
  readonly proof: Proof;
  /** @throws Skip where this kernel or this process cannot show it; any other error where the option does not work. */
  run(option: string): void | Promise<void>;
}

/** One case for each option of a group. */
export type CaseTable = Readonly<Record<string, OptionCase>>;

/** This kernel or this process cannot do it, and the reason. */
export class Skip extends Error {}

export const LOOPBACK_INDEX = 1;
const WAIT_MS = 30_000;
const ROOM_BYTES = 65_536;

export function readBack(run: OptionCase["run"]): OptionCase {
  return { proof: "read back", run };
}

export function effect(run: OptionCase["run"]): OptionCase {
  return { proof: "effect", run };
}

export function wire(run: OptionCase["run"]): OptionCase {
  return { proof: "wire", run };
}

export function compared(run: OptionCase["run"]): OptionCase {
  return { proof: "compared", run };
}

/** A call that this kernel may refuse for being built without something: then the case is skipped. */
export function needing<T>(what: string, codes: readonly string[], call: () => T): T {
  try {
    return call();
  } catch (error) {
    if (isSystemError(error) && codes.includes(error.code)) throw new Skip(`${what}: ${error.message}`);
    throw error;
  }
}

/** The makers of sockets that the cases name. */
export const MAKERS = {
  tcp: () => new Socket("inet", "stream"),
  tcp6: () => new Socket("inet6", "stream"),
  udp: () => new Socket("inet", "dgram"),
  udp6: () => new Socket("inet6", "dgram"),
  unix: () => new Socket("unix", "stream"),
} as const;

export type Maker = keyof typeof MAKERS | (() => Socket);

function make(maker: Maker): Socket {
  return typeof maker === "function" ? maker() : MAKERS[maker]();
}

/** Sets each value and reads it back. */
export function setAndRead(maker: Maker, ...values: readonly unknown[]): OptionCase {
  return readBack((name) => {
    using socket = make(maker);
    for (const value of values) {
      set(socket, name, value);
      assert.deepEqual(get(socket, name), value);
    }
  });
}

/** A switch: on, read back, off, read back. */
export function onAndOff(maker: Maker = "udp"): OptionCase {
  return setAndRead(maker, true, false, true);
}

/** Sets a value and reads another, as the kernel rounds, doubles or clamps. */
export function setAndGet(maker: Maker, value: unknown, expected: unknown): OptionCase {
  return readBack((name) => {
    using socket = make(maker);
    set(socket, name, value);
    assert.deepEqual(get(socket, name), expected);
  });
}

/** The value of an option by a name that TypeScript does not know. */
export function get(socket: Socket, name: string, argument?: unknown): unknown {
  return socket.getOption(optionOf(name), argument as never);
}

export function set(socket: Socket, name: string, value: unknown): void {
  socket.setOption(optionOf(name), value as never);
}

export function optionOf(name: string): AnyOption {
  const option = options[name as OptionName] as AnyOption | undefined;
  if (option === undefined) throw new Error(`no option is called ${name}`);
  return option;
}

/** The code of the error that a call throws. @throws Error when it throws none */
export function codeOf(call: () => unknown): string {
  try {
    call();
  } catch (error) {
    if (isSystemError(error)) return error.code;
    throw error;
  }
  throw new Error("the call did not fail");
}

export interface Inet {
  readonly address: string;
  readonly port: number;
}

export function portOf(socket: Socket): number {
  return (socket.localAddress as unknown as Inet).port;
}

/** A text endpoint of the loopback in the socket's family. */
export function loopback(socket: Socket, port = 0): { family: "inet" | "inet6"; address: string; port: number } {
  return socket.family === AF_INET6
    ? { family: "inet6", address: "::1", port }
    : { family: "inet", address: "127.0.0.1", port };
}

/** Two datagram sockets, bound on the loopback and connected with each other; what is done before binding is given. */
export function datagramPair(
  maker: Maker = "udp",
  prepare: (sender: Socket, receiver: Socket) => void = () => {},
): [sender: Socket, receiver: Socket] {
  const sender = make(maker);
  const receiver = make(maker);
  prepare(sender, receiver);
  receiver.bind(loopback(receiver));
  sender.bind(loopback(sender));
  sender.connectSync(loopback(sender, portOf(receiver)));
  receiver.connectSync(loopback(receiver, portOf(sender)));
  return [sender, receiver];
}

/** Both ends of a TCP connection; what is done before listening and connecting is given. */
export function streamPair(
  maker: Maker = "tcp",
  prepare: (client: Socket, listener: Socket) => void = () => {},
): [client: Socket, server: Socket] {
  using listener = make(maker);
  const client = make(maker);
  prepare(client, listener);
  listener.bind(loopback(listener));
  listener.listen();
  client.connectSync(loopback(client, portOf(listener)), { timeoutMs: WAIT_MS });
  return [client, listener.acceptSync({ timeoutMs: WAIT_MS })];
}

export interface Received {
  readonly bytes: Uint8Array;
  readonly control: ControlMessage[];
  readonly flags: number;
}

/** One message with its control messages, by recvmsg(2) itself; waits for it. */
export function receive(socket: Socket, flags = 0, roomBytes: number = ROOM_BYTES): Received {
  if (flags === 0) socket.readySync("readable", { timeoutMs: WAIT_MS });
  const bytes = Buffer.alloc(roomBytes);
  const control = Buffer.alloc(4096);
  const vector = Buffer.alloc(IOVEC.size);
  vector.writeBigUInt64LE(BigInt(addressOf(bytes)), IOVEC.iov_base);
  vector.writeBigUInt64LE(BigInt(bytes.length), IOVEC.iov_len);
  const header = Buffer.alloc(MSGHDR.size);
  header.writeBigUInt64LE(BigInt(addressOf(vector)), MSGHDR.msg_iov);
  header.writeBigUInt64LE(1n, MSGHDR.msg_iovlen);
  header.writeBigUInt64LE(BigInt(addressOf(control)), MSGHDR.msg_control);
  header.writeBigUInt64LE(BigInt(control.length), MSGHDR.msg_controllen);
  const length = recvmsg(socket.fd, header, flags);
  assert.ok(length >= 0, `recvmsg: ${length}`);
  const controlLength = Number(header.readBigUInt64LE(MSGHDR.msg_controllen));
  return {
    bytes: bytes.subarray(0, length),
    control: decodeCmsgs(control, controlLength),
    flags: header.readUInt32LE(MSGHDR.msg_flags),
  };
}

/** The data of the one control message of a level and type. */
export function controlOf({ control }: Received, level: number, type: number): Buffer {
  const found = control.find((message) => message.level === level && message.type === type);
  const all = control.map((message) => `${nameOf(SOL, message.level)}/${message.type}`).join(" ");
  assert.ok(found !== undefined, `no control message ${nameOf(SOL, level)}/${type}, but ${all || "none"}`);
  return Buffer.from(found.data);
}

/** A switch that makes recvmsg tell something: told when on, not told when off. */
export function tells(
  maker: Maker,
  level: number,
  type: number,
  check: (data: Buffer) => void = () => {},
  prepare: (sender: Socket) => void = () => {},
): OptionCase {
  return effect((name) => {
    const [sender, receiver] = datagramPair(maker, prepare);
    using _sender = sender;
    using _receiver = receiver;
    sender.sendSync("off");
    assert.equal(receive(receiver).control.length, 0);
    set(receiver, name, true);
    assert.equal(get(receiver, name), true);
    sender.sendSync("on");
    check(controlOf(receive(receiver), level, type));
    set(receiver, name, false);
    assert.equal(get(receiver, name), false);
  });
}

/** The packets, from their network header on, that an action puts on the loopback; waits for the one that is wanted. */
export function sniff(action: () => void, wanted: (packet: Buffer) => boolean): Buffer {
  using sniffer = new Socket("packet", "dgram", htons(ETH_P_ALL));
  sniffer.bind({
    family: "packet",
    protocol: ETH_P_ALL,
    ifindex: LOOPBACK_INDEX,
    hatype: 0,
    pkttype: 0,
    address: new Uint8Array(0),
  });
  action();
  const endMs = performance.now() + WAIT_MS;
  for (;;) {
    const leftMs = endMs - performance.now();
    const { bytes, address } = sniffer.recvFromSync(ROOM_BYTES, { timeoutMs: Math.max(leftMs, 1) });
    // The loopback shows each packet twice: as it leaves and as it arrives.
    if (address?.family === "packet" && address.pkttype === PACKET_OUTGOING) continue;
    if (wanted(bytes)) return bytes;
  }
}

/** Whether a packet is IPv4 with a protocol, or IPv6 with that next header. */
export function isProtocol(packet: Buffer, protocol: number): boolean {
  const version = (packet[0] as number) >> 4;
  return version === 4 ? packet[9] === protocol : version === 6 && packet[6] === protocol;
}

/** What follows the network header. */
export function payloadOf(packet: Buffer): Buffer {
  const first = packet[0] as number;
  return packet.subarray(first >> 4 === 4 ? (first & 15) * 4 : 40);
}

/** The first packet of a datagram that is sent after an option was set. */
export function datagramPacket(maker: Maker, prepare: (sender: Socket) => void, text = "portolan"): Buffer {
  const [sender, receiver] = datagramPair(maker, (first) => prepare(first));
  using _sender = sender;
  using _receiver = receiver;
  return sniff(
    () => sender.sendSync(text),
    (packet) => packet.includes(text),
  );
}

/** Waits until something is so, letting no time pass without a look. */
export function until(condition: () => boolean, what: string): void {
  const endMs = performance.now() + WAIT_MS;
  while (!condition()) {
    if (performance.now() > endMs) throw new Error(`this did not come true: ${what}`);
  }
}
