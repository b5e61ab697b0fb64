/** The calls of the gate on any descriptor, and on memory. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as abi from "portolan/abi";
import * as sys from "portolan/sys";
import { afterAll, describe, expect, it } from "vitest";
import { bytesOf, giveBackAfterEach, keep, pipe, region, socketPair, textOf, writeIovecs } from "../support/sys-kit.ts";

const { EBADF, SOCK_STREAM } = abi;

giveBackAfterEach();
const folder = mkdtempSync(join(tmpdir(), "portolan-sys-"));
afterAll(() => rmSync(folder, { recursive: true }));

describe("descriptors", () => {
  it("are duplicated, with and without FD_CLOEXEC", () => {
    const [reader, writer] = pipe();
    const copy = keep(sys.dup(writer));
    expect(sys.fcntl(copy, abi.F_GETFD)).toBe(0);
    expect(sys.fcntl(copy, abi.F_SETFD, abi.FD_CLOEXEC)).toBe(0);
    expect(sys.fcntl(copy, abi.F_GETFD)).toBe(abi.FD_CLOEXEC);
    expect(sys.dup3(reader, copy, abi.O_CLOEXEC)).toBe(copy);
    expect(sys.write(writer, bytesOf("through"), 7)).toBe(7);
    const into = new Uint8Array(16);
    expect(sys.read(copy, into, 16)).toBe(7);
    expect(textOf(into, 7)).toBe("through");
    expect(sys.dup3(reader, reader, 0)).toBe(-abi.EINVAL);
  });

  it("are gone once closed", () => {
    const fd = sys.eventfd(0, 0);
    expect(sys.close(fd)).toBe(0);
    expect(sys.close(fd)).toBe(-EBADF);
  });

  it("answer ioctl with a pointer and with a value", () => {
    const [reader, writer] = pipe();
    sys.write(writer, bytesOf("12345"), 5);
    const waiting = new Int32Array(1);
    expect(sys.ioctl(reader, abi.FIONREAD, waiting)).toBe(0);
    expect(waiting[0]).toBe(5);
    expect(sys.ioctl(reader, abi.FIONBIO, new Int32Array([1]))).toBe(0);
    expect(sys.fcntl(reader, abi.F_GETFL) & abi.O_NONBLOCK).toBe(abi.O_NONBLOCK);
    // TIOCEXCL takes no argument and needs a terminal, which a pipe is not.
    expect(sys.ioctlValue(reader, 0x540c, 0)).toBe(-abi.ENOTTY);
  });

  it("read and write several parts at once", () => {
    const [reader, writer] = pipe();
    const { address, bytes, view } = region(4096);
    const sent = [bytesOf("scatter"), bytesOf("gather")];
    writeIovecs(view, 0, sent);
    expect(sys.writev(writer, address, 2)).toBe(13);
    const parts = [new Uint8Array(4), new Uint8Array(20)];
    writeIovecs(view, 0, parts);
    expect(sys.readv(reader, bytes, 2)).toBe(13);
    expect(textOf(parts[0] as Uint8Array) + textOf(parts[1] as Uint8Array, 9)).toBe("scattergather");
  });

  it("open files, lock them, and send them to others", () => {
    const path = join(folder, "file");
    writeFileSync(path, "the file's bytes");
    const file = keep(sys.open(path, abi.O_RDONLY | abi.O_CLOEXEC));
    const rival = keep(sys.open(path, abi.O_RDONLY | abi.O_CLOEXEC));
    const LOCK_EX = 2;
    const LOCK_NB = 4;
    expect(sys.flock(file, LOCK_EX)).toBe(0);
    expect(sys.flock(rival, LOCK_EX | LOCK_NB)).toBe(-abi.EAGAIN);
    const [near, far] = socketPair(SOCK_STREAM);
    const offset = new BigUint64Array([4n]);
    expect(sys.sendfile(near, file, offset, 4)).toBe(4);
    expect(offset[0]).toBe(8n);
    const [reader, writer] = pipe();
    expect(sys.splice(file, offset, writer, null, 8, 0)).toBe(8);
    expect(sys.splice(reader, null, near, null, 8, 0)).toBe(8);
    const into = new Uint8Array(32);
    expect(textOf(into, sys.recv(far, into, 32, 0))).toBe("file's bytes");
    expect(sys.open(join(folder, "none"), abi.O_RDONLY)).toBe(-abi.ENOENT);
    const made = join(folder, "made");
    keep(sys.open(made, abi.O_WRONLY | abi.O_CREAT | abi.O_CLOEXEC, 0o600));
    expect(readFileSync(made, "utf8")).toBe("");
    expect(sys.pipe2(new Int32Array(2), -1)).toBe(-abi.EINVAL);
  });
});

describe("memory", () => {
  it("is mapped and given back", () => {
    const address = sys.mmap(0, 8192, 3, 0x22, -1, 0);
    expect(address).toBeGreaterThan(0);
    const bytes = new Uint8Array(sys.viewMemory(address, 8192));
    bytes[8191] = 7;
    expect(new Uint8Array(sys.viewMemory(address + 8191, 1))[0]).toBe(7);
    expect(sys.munmap(address, 8192)).toBe(0);
    expect(sys.munmap(1, 4096)).toBe(-abi.EINVAL);
    expect(sys.mmap(0, 0, 3, 0x22, -1, 0)).toBe(-abi.EINVAL);
    expect(() => sys.mapRegion(0)).toThrow(RangeError);
  });

  it("of calloc is zeroed", () => {
    const address = sys.calloc(4, 64);
    expect(address).toBeGreaterThan(0);
    expect(new Uint8Array(sys.viewMemory(address, 256)).every((byte) => byte === 0)).toBe(true);
    sys.free(address);
  });

  it("of an array and of a symbol has an address, and text ends at its NUL", () => {
    const text = bytesOf("ends here\0not here");
    expect(sys.readText(sys.addressOf(text))).toBe("ends here");
    expect(sys.symbolAddress("close")).toBeGreaterThan(0);
    expect(() => sys.symbolAddress("no_such_symbol")).toThrow();
  });
});
