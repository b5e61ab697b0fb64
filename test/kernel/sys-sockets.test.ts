/** The socket calls of the gate, each seen to do what its name says or to refuse as the manual says. */
import * as abi from "portolan/abi";
import * as sys from "portolan/sys";
import { describe, expect, it } from "vitest";
import { bytesOf, giveBackAfterEach, keep, region, socketPair, textOf, writeMessage } from "../support/sys-kit.ts";

const { AF_INET, decodeSockaddr, encodeSockaddr, IOVEC, MMSGHDR, MSGHDR, SOCK_CLOEXEC, SOCK_DGRAM, SOCK_STREAM } = abi;

giveBackAfterEach();

function loopback(type: number): { fd: number; address: Uint8Array; port: number } {
  const fd = keep(sys.socket(AF_INET, type | SOCK_CLOEXEC, 0));
  const any = encodeSockaddr({ family: "inet", address: "127.0.0.1", port: 0 });
  expect(sys.bind(fd, any, any.length)).toBe(0);
  const address = new Uint8Array(any.length);
  const length = new Uint32Array([address.length]);
  expect(sys.getsockname(fd, address, length)).toBe(0);
  expect(length[0]).toBe(16);
  const name = decodeSockaddr(address);
  expect(name).toMatchObject({ family: "inet", address: "127.0.0.1" });
  return { fd, address, port: (name as { port: number }).port };
}

describe("sockets", () => {
  it("listen, connect, accept and know their names", () => {
    const listener = loopback(SOCK_STREAM);
    expect(sys.listen(listener.fd, 4)).toBe(0);
    const client = keep(sys.socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    expect(sys.connect(client, listener.address, listener.address.length)).toBe(0);
    const peer = new Uint8Array(16);
    const server = keep(sys.accept4(listener.fd, peer, new Uint32Array([16]), abi.SOCK_NONBLOCK | SOCK_CLOEXEC));
    const name = new Uint8Array(16);
    expect(sys.getsockname(client, name, new Uint32Array([16]))).toBe(0);
    expect(decodeSockaddr(peer)).toEqual(decodeSockaddr(name));
    expect(sys.getpeername(client, name, new Uint32Array([16]))).toBe(0);
    expect(decodeSockaddr(name)).toEqual({ family: "inet", address: "127.0.0.1", port: listener.port });
    expect(sys.fcntl(server, abi.F_GETFL) & abi.O_NONBLOCK).toBe(abi.O_NONBLOCK);
    const scratch = new Uint8Array(8);
    expect(sys.recv(server, scratch, 8, 0)).toBe(-abi.EAGAIN);
    expect(sys.shutdown(client, abi.SHUT_WR)).toBe(0);
    expect(sys.recv(server, scratch, 8, 0)).toBe(0);
    expect(sys.send(client, scratch, 8, abi.MSG_NOSIGNAL)).toBe(-abi.EPIPE);
    expect(sys.connect(client, listener.address, listener.address.length)).toBe(-abi.EISCONN);
    expect(sys.accept4At(server, 0, 0, 0)).toBe(-abi.EINVAL);
  });

  it("refuse what they cannot be", () => {
    expect(sys.socket(AF_INET, 99, 0)).toBe(-abi.EINVAL);
    expect(sys.socket(9999, SOCK_STREAM, 0)).toBe(-abi.EAFNOSUPPORT);
    expect(sys.socketpair(AF_INET, SOCK_STREAM, 0, new Int32Array(2))).toBe(-abi.EOPNOTSUPP);
    const { fd, address } = loopback(SOCK_DGRAM);
    expect(sys.bind(fd, address, address.length)).toBe(-abi.EINVAL);
    expect(sys.listen(fd, 1)).toBe(-abi.EOPNOTSUPP);
    expect(sys.getpeername(fd, address, new Uint32Array([16]))).toBe(-abi.ENOTCONN);
  });

  it("get and set options", () => {
    const { fd } = loopback(SOCK_DGRAM);
    const value = new Int32Array(1);
    const length = new Uint32Array([4]);
    expect(sys.getsockopt(fd, abi.SOL_SOCKET, abi.SO_TYPE, value, length)).toBe(0);
    expect([value[0], length[0]]).toEqual([SOCK_DGRAM, 4]);
    expect(sys.setsockopt(fd, abi.SOL_SOCKET, abi.SO_BROADCAST, new Int32Array([1]), 4)).toBe(0);
    expect(sys.getsockopt(fd, abi.SOL_SOCKET, abi.SO_BROADCAST, value, length)).toBe(0);
    expect(value[0]).toBe(1);
    expect(sys.setsockopt(fd, abi.SOL_SOCKET, abi.SO_BROADCAST, new Int32Array([1]), 1)).toBe(-abi.EINVAL);
    expect(sys.getsockopt(fd, abi.SOL_SOCKET, 9999, value, length)).toBe(-abi.ENOPROTOOPT);
  });

  it("send and receive by array and by address", () => {
    const [near, far] = socketPair(SOCK_STREAM);
    const memory = region(4096);
    memory.bytes.set(bytesOf("by address"));
    expect(sys.sendAt(near, memory.address, 10, 0)).toBe(10);
    expect(sys.recvAt(far, memory.address + 100, 100, 0)).toBe(10);
    expect(textOf(memory.bytes.subarray(100, 110))).toBe("by address");
    expect(sys.send(far, bytesOf("by array"), 8, 0)).toBe(8);
    const into = new Uint8Array(20);
    expect(sys.recv(near, into, 20, abi.MSG_PEEK)).toBe(8);
    expect(sys.recv(near, into, 20, 0)).toBe(8);
    expect(textOf(into, 8)).toBe("by array");
  });

  it("send datagrams to an address and say whence they come", () => {
    const one = loopback(SOCK_DGRAM);
    const two = loopback(SOCK_DGRAM);
    expect(sys.sendto(one.fd, bytesOf("hello"), 5, 0, two.address, two.address.length)).toBe(5);
    const into = new Uint8Array(3);
    const from = new Uint8Array(16);
    expect(sys.recvfrom(two.fd, into, 3, abi.MSG_TRUNC, from, new Uint32Array([16]))).toBe(5);
    expect(textOf(into)).toBe("hel");
    expect(decodeSockaddr(from)).toEqual({ family: "inet", address: "127.0.0.1", port: one.port });
  });

  it("send and receive messages of several parts", () => {
    const [near, far] = socketPair(SOCK_DGRAM);
    const memory = region(4096);
    const { address, bytes, view } = memory;
    const parts = [bytesOf("several "), bytesOf("parts")];
    writeMessage(memory, 0, 512, parts);
    expect(sys.sendmsg(near, address, 0)).toBe(13);
    const into = new Uint8Array(8);
    writeMessage(memory, 128, 1024, [into]);
    expect(sys.recvmsg(far, bytes.subarray(128, 128 + MSGHDR.size), 0)).toBe(8);
    expect(textOf(into)).toBe("several ");
    expect(view.getInt32(128 + MSGHDR.msg_flags, true) & abi.MSG_TRUNC).toBe(abi.MSG_TRUNC);
  });

  it.for(["array", "address"])("send and receive many messages by one call, by %s", (kind) => {
    const [near, far] = socketPair(SOCK_DGRAM);
    const memory = region(4096);
    const { address, bytes, view } = memory;
    const texts = ["one", "three", "four"];
    const sent = texts.map(bytesOf);
    const received = texts.map(() => new Uint8Array(16));
    texts.forEach((_, i) => {
      writeMessage(memory, i * MMSGHDR.size, 1024 + i * IOVEC.size, [sent[i] as Uint8Array]);
      writeMessage(memory, 512 + i * MMSGHDR.size, 2048 + i * IOVEC.size, [received[i] as Uint8Array]);
    });
    const isArray = kind === "array";
    expect(isArray ? sys.sendmmsg(near, bytes, 3, 0) : sys.sendmmsgAt(near, address, 3, 0)).toBe(3);
    const into = bytes.subarray(512);
    const flags = abi.MSG_DONTWAIT;
    expect(isArray ? sys.recvmmsg(far, into, 3, flags, null) : sys.recvmmsgAt(far, address + 512, 3, flags, 0)).toBe(3);
    texts.forEach((text, i) => {
      const length = view.getUint32(512 + i * MMSGHDR.size + MMSGHDR.msg_len, true);
      expect(textOf(received[i] as Uint8Array, length)).toBe(text);
    });
  });
});
