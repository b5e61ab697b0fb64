/** Views whose memory was transferred: an error, and never what looks like the end of a stream or an empty datagram. */
import { Socket } from "portolan";
import { MSG_WAITALL } from "portolan/abi";
import { closeThreadReactor } from "portolan/reactor";
import { afterAll, describe, expect, it } from "vitest";
import { failureOf } from "../support/socket-pairs.ts";

afterAll(closeThreadReactor);

/** Gives a view's memory away, as `postMessage` with a list of transferred objects does. */
function transfer(view: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  structuredClone(view.buffer, { transfer: [view.buffer] });
  return view;
}

const gone = (): Uint8Array<ArrayBuffer> => transfer(new Uint8Array(8));

const receives: readonly [string, (socket: Socket, view: Uint8Array<ArrayBuffer>) => unknown][] = [
  ["recv", (socket, view) => socket.recv(view)],
  ["recv, MSG_WAITALL", (socket, view) => socket.recv(view, { flags: MSG_WAITALL })],
  ["recvFrom", (socket, view) => socket.recvFrom(view)],
  ["recvMessage", (socket, view) => socket.recvMessage({ buffers: [view] })],
  ["readExactly", (socket, view) => socket.readExactly(view)],
];
const sends: readonly [string, (socket: Socket, view: Uint8Array<ArrayBuffer>) => unknown][] = [
  ["send", (socket, view) => socket.send(view)],
  ["sendAll", (socket, view) => socket.sendAll(view)],
  ["sendMessage", (socket, view) => socket.sendMessage({ data: [view] })],
  ["sendDescriptors", (socket, view) => socket.sendDescriptors([socket], view)],
];
const others: typeof receives = [
  ["recvSync", (socket, view) => socket.recvSync(view)],
  ["tryRecv", (socket, view) => socket.tryRecv(view)],
  ["recvFromSync", (socket, view) => socket.recvFromSync(view)],
  ["readExactlySync", (socket, view) => socket.readExactlySync(view)],
  ["sendSync", (socket, view) => socket.sendSync(view)],
  ["trySend", (socket, view) => socket.trySend(view)],
  ["sendAllSync", (socket, view) => socket.sendAllSync(view)],
  ["sendTo", (socket, view) => socket.sendTo(view, "unix://@nobody")],
  ["sendZeroCopy", (socket, view) => socket.sendZeroCopy(view)],
  ["readUntil", (socket, view) => socket.readUntil(view)],
];

describe("memory that was transferred", () => {
  it.each([...receives, ...sends, ...others])("is refused by %s before any system call", async (_name, call) => {
    const [left, right] = Socket.pair();
    using _left = left;
    using _right = right;
    right.sendAllSync("kept");
    const error = await failureOf(() => call(left, gone()));
    expect([error.name, error.message]).toEqual(["TypeError", expect.stringMatching(/transferred.*detached/)]);
    expect(String(left.recvSync(100))).toBe("kept");
    expect(right.tryRecv(new Uint8Array(8))).toBeUndefined();
  });

  it.each(receives)("while %s waits is EFAULT, and nothing is lost", async (_name, call) => {
    const [left, right] = Socket.pair();
    using _left = left;
    using _right = right;
    const view = new Uint8Array(8);
    const failure = failureOf(() => call(left, view));
    transfer(view);
    right.sendAllSync("eightful");
    const error = await failure;
    expect(error).toMatchObject({ name: "SystemError", code: "EFAULT" });
    expect(error.message).toContain("transferred to somebody else while the call waited");
    expect(String(left.recvSync(100))).toBe("eightful");
  });

  it.each(sends)("while %s waits is EFAULT", async (_name, call) => {
    const [left, right] = Socket.pair();
    using _left = left;
    using _right = right;
    const filler = new Uint8Array(1 << 16);
    let filled = 0;
    for (let sent = left.trySend(filler); sent !== undefined; sent = left.trySend(filler)) filled += sent;
    const view = new Uint8Array(1 << 16);
    const failure = failureOf(() => call(left, view));
    transfer(view);
    await right.readExactly(filled);
    expect(await failure).toMatchObject({ name: "SystemError", code: "EFAULT" });
    expect(right.tryRecv(new Uint8Array(8))).toBeUndefined();
  });

  it("is no view without bytes: that asks for nothing, and gets it", async () => {
    const [left, right] = Socket.pair();
    using _left = left;
    using _right = right;
    right.sendAllSync("kept");
    expect(await left.recv(new Uint8Array(0))).toBe(0);
    expect(await left.recv(new Uint8Array(new ArrayBuffer(8), 8))).toBe(0);
    expect(await left.send(new Uint8Array(0))).toBe(0);
    expect(String(left.recvSync(100))).toBe("kept");
  });
});
