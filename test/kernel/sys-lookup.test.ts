/** The look-up functions of libc, and Node's own loop, as the gate gives them. */
import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:net";
import { fileURLToPath } from "node:url";
import * as abi from "portolan/abi";
import * as sys from "portolan/sys";
import { describe, expect, it } from "vitest";
import { giveBackAfterEach, keep, region } from "../support/sys-kit.ts";

const { ADDRINFO, AF_INET, encodeSockaddr, HOSTENT, IFADDRS, PROTOENT, SERVENT, SOCK_STREAM } = abi;
const ROOM_BYTES = 8192;

giveBackAfterEach();

/** Native memory at an address that libc gave. */
const at = (address: number, sizeBytes: number): DataView => new DataView(sys.viewMemory(address, sizeBytes));
const pointerAt = (address: number, offset: number): number => Number(at(address + offset, 8).getBigUint64(0, true));

function entryMemory(): { memory: sys.EntryMemory; found: () => number } {
  const { address, view } = region(ROOM_BYTES + 256);
  const memory = {
    entry: address,
    found: address + 128,
    hostErrno: address + 136,
    room: address + 256,
    roomBytes: ROOM_BYTES,
  };
  return { memory, found: () => Number(view.getBigUint64(128, true)) };
}

describe("getaddrinfo and getnameinfo", () => {
  const hints = new Int32Array(ADDRINFO.size / 4);
  hints[ADDRINFO.ai_flags / 4] = abi.AI_NUMERICHOST | abi.AI_NUMERICSERV;
  hints[ADDRINFO.ai_socktype / 4] = SOCK_STREAM;

  const expectLocalhost = (list: number): void => {
    expect(list).toBeGreaterThan(0);
    expect(at(list, ADDRINFO.size).getInt32(ADDRINFO.ai_family, true)).toBe(AF_INET);
    expect(at(list, ADDRINFO.size).getInt32(ADDRINFO.ai_socktype, true)).toBe(SOCK_STREAM);
    const length = at(list, ADDRINFO.size).getUint32(ADDRINFO.ai_addrlen, true);
    const address = new Uint8Array(sys.viewMemory(pointerAt(list, ADDRINFO.ai_addr), length));
    expect(abi.decodeSockaddr(address)).toEqual({ family: "inet", address: "127.0.0.1", port: 7007 });
  };

  it("turn text to an address", () => {
    const out = new BigUint64Array(1);
    expect(sys.getaddrinfo("127.0.0.1", "7007", hints, out)).toBe(0);
    expectLocalhost(Number(out[0]));
    sys.freeaddrinfo(Number(out[0]));
    expect(sys.getaddrinfo("256.0.0.1", "7007", hints, out)).toBe(abi.EAI_NONAME);
    expect(sys.gai_strerror(abi.EAI_NONAME)).toMatch(/name/i);
  });

  it("turn text to an address on another thread", async () => {
    const { address, bytes, view } = region(256);
    bytes.set(new Uint8Array(hints.buffer));
    const { result } = await sys.getaddrinfoAsync("127.0.0.1", "7007", address, address + 128);
    expect(result).toBe(0);
    const list = Number(view.getBigUint64(128, true));
    expectLocalhost(list);
    sys.freeaddrinfo(list);
    const refused = await sys.getaddrinfoAsync("256.0.0.1", "7007", address, address + 128);
    expect(refused.result).toBe(abi.EAI_NONAME);
  });

  const flags = abi.NI_NUMERICHOST | abi.NI_NUMERICSERV;
  const name = encodeSockaddr({ family: "inet", address: "127.0.0.1", port: 7007 });

  it("turn an address to text", () => {
    const { address } = region(512);
    const ask = (hostSize: number): number =>
      sys.getnameinfo(name, name.length, address, hostSize, address + 256, 64, flags);
    expect(ask(256)).toBe(0);
    expect([sys.readText(address), sys.readText(address + 256)]).toEqual(["127.0.0.1", "7007"]);
    expect(ask(2)).toBe(abi.EAI_OVERFLOW);
    expect(sys.getnameinfo(name, 1, address, 256, address + 256, 64, flags)).toBe(abi.EAI_FAMILY);
  });

  it("turn an address to text on another thread", async () => {
    const { address, bytes } = region(512);
    bytes.set(name, 384);
    const text = [address, 256, address + 256, 64] as const;
    const { result } = await sys.getnameinfoAsync(address + 384, name.length, ...text, flags);
    expect(result).toBe(0);
    expect([sys.readText(address), sys.readText(address + 256)]).toEqual(["127.0.0.1", "7007"]);
  });

  it("leave an errno to be read", () => {
    sys.close(-1);
    expect(sys.lookupErrno()).toBe(abi.EBADF);
  });
});

describe("the classic look-ups", () => {
  it("know a host by its dotted text and refuse a room that is too small", async () => {
    const { memory, found } = entryMemory();
    const expectHost = (): void => {
      const host = found();
      expect(host).toBe(memory.entry);
      expect(at(host, HOSTENT.size).getInt32(HOSTENT.h_addrtype, true)).toBe(AF_INET);
      const first = pointerAt(pointerAt(host, HOSTENT.h_addr_list), 0);
      expect([...new Uint8Array(sys.viewMemory(first, 4))]).toEqual([127, 0, 0, 1]);
    };
    expect(sys.gethostbyname2_r("127.0.0.1", AF_INET, memory)).toBe(0);
    expectHost();
    expect((await sys.gethostbyname2_rAsync("127.0.0.1", AF_INET, memory)).result).toBe(0);
    expectHost();
    expect(sys.gethostbyname2_r("127.0.0.1", AF_INET, { ...memory, roomBytes: 1 })).toBe(-abi.ERANGE);
  });

  it("know the loopback host by its address", async () => {
    const { memory, found } = entryMemory();
    const address = region(16);
    address.bytes.set([127, 0, 0, 1]);
    expect(sys.gethostbyaddr_r(address.address, 4, AF_INET, memory)).toBe(0);
    expect(sys.readText(pointerAt(found(), HOSTENT.h_name))).toMatch(/localhost/);
    expect((await sys.gethostbyaddr_rAsync(address.address, 4, AF_INET, memory)).result).toBe(0);
    expect(sys.readText(pointerAt(found(), HOSTENT.h_name))).toMatch(/localhost/);
    expect(sys.gethostbyaddr_r(address.address, 4, AF_INET, { ...memory, roomBytes: 1 })).toBe(-abi.ERANGE);
  });

  it("know a service by name and by port", async () => {
    const { memory, found } = entryMemory();
    const expectSmtp = (outcome: number): void => {
      expect(outcome).toBe(0);
      expect(sys.readText(pointerAt(found(), SERVENT.s_name))).toBe("smtp");
      expect(sys.readText(pointerAt(found(), SERVENT.s_proto))).toBe("tcp");
      expect(abi.ntohs(at(found(), SERVENT.size).getUint16(SERVENT.s_port, true))).toBe(25);
    };
    expectSmtp(sys.getservbyname_r("smtp", "tcp", memory));
    expectSmtp((await sys.getservbyname_rAsync("smtp", "tcp", memory)).result);
    expectSmtp(sys.getservbyport_r(abi.htons(25), "tcp", memory));
    expectSmtp((await sys.getservbyport_rAsync(abi.htons(25), "tcp", memory)).result);
    sys.getservbyname_r("no-such-service", "tcp", memory);
    expect(found()).toBe(0);
  });

  it("know a protocol by name and by number", () => {
    const numberOf = (entry: number): number => at(entry, PROTOENT.size).getInt32(PROTOENT.p_proto, true);
    expect(numberOf(sys.getprotobyname("tcp"))).toBe(6);
    expect(sys.readText(pointerAt(sys.getprotobynumber(17), PROTOENT.p_name))).toBe("udp");
    expect(sys.getprotobyname("no-such-protocol")).toBe(0);
    const { memory, found } = entryMemory();
    const outcome = sys.hasReentrantProtocols ? 0 : -abi.ENOSYS;
    expect(sys.getprotobyname_r("tcp", memory)).toBe(outcome);
    if (outcome === 0) expect(numberOf(found())).toBe(6);
    expect(sys.getprotobynumber_r(17, memory)).toBe(outcome);
    if (outcome === 0) expect(sys.readText(pointerAt(found(), PROTOENT.p_name))).toBe("udp");
  });
});

describe("interfaces", () => {
  it("have names, indexes and addresses", () => {
    const index = sys.if_nametoindex("lo");
    expect(index).toBeGreaterThan(0);
    expect(sys.if_nametoindex("no-such-if")).toBe(-abi.ENODEV);
    const name = new Uint8Array(16);
    expect(sys.if_indextoname(index, name)).toBe(0);
    expect(sys.readText(sys.addressOf(name))).toBe("lo");
    expect(sys.if_indextoname(0x7fffffff, name)).toBe(-abi.ENXIO);

    const list = sys.if_nameindex();
    expect(list).toBeGreaterThan(0);
    const names: [number, string][] = [];
    for (let entry = list; pointerAt(entry, 8) !== 0; entry += 16) {
      names.push([at(entry, 4).getUint32(0, true), sys.readText(pointerAt(entry, 8))]);
    }
    sys.if_freenameindex(list);
    expect(names).toContainEqual([index, "lo"]);

    const out = new BigUint64Array(1);
    expect(sys.getifaddrs(out)).toBe(0);
    const found: string[] = [];
    for (let entry = Number(out[0]); entry !== 0; entry = pointerAt(entry, IFADDRS.ifa_next)) {
      const address = pointerAt(entry, IFADDRS.ifa_addr);
      if (address === 0 || at(address, 2).getUint16(0, true) !== AF_INET) continue;
      const decoded = abi.decodeSockaddr(new Uint8Array(sys.viewMemory(address, 16)));
      found.push(`${sys.readText(pointerAt(entry, IFADDRS.ifa_name))} ${(decoded as { address: string }).address}`);
    }
    sys.freeifaddrs(Number(out[0]));
    expect(found).toContain("lo 127.0.0.1");
  });
});

describe("Node's own loop", () => {
  const UV_POLL = 8;
  const UV_READABLE = 1;

  it("watches a descriptor of ours, and lets go of it", async () => {
    const size = sys.uv_handle_size(UV_POLL);
    expect(size).toBeGreaterThan(88);
    expect(sys.uvEventLoop()).toBeGreaterThan(0);
    const fd = keep(sys.eventfd(0, abi.EFD_NONBLOCK));
    const handle = sys.calloc(1, size);
    expect(sys.uv_poll_init(sys.uvEventLoop(), handle, fd)).toBe(0);
    const other = region(size);
    expect(sys.uv_poll_init(sys.uvEventLoop(), other.address, -1)).toBe(-abi.EBADF);
    let resolve: (call: number[]) => void = () => {};
    const called = new Promise<number[]>((settle) => {
      resolve = settle;
    });
    const callback = sys.registerPollCallback((status, events) => resolve([status, events]));
    expect(sys.uv_poll_start(handle, UV_READABLE, callback.address)).toBe(0);
    sys.uv_unref(handle);
    sys.uv_ref(handle);
    const hook = sys.symbolAddress("uv_poll_stop");
    expect(sys.addCleanupHook(hook, handle)).toBe(0);
    expect(sys.removeCleanupHook(hook, handle)).toBe(0);
    sys.write(fd, new BigUint64Array([1n]), 8);
    expect(await called).toEqual([0, UV_READABLE]);
    expect(sys.uv_poll_stop(handle)).toBe(0);
    // libuv lets go of a closed handle at the end of the turn, and gives it back then.
    sys.uv_close(handle, sys.symbolAddress("free"));
    callback.release();
    await new Promise(setImmediate);
    await new Promise(setImmediate);
    const server = createServer().listen(0, "127.0.0.1");
    await once(server, "listening");
    server.close();
    await once(server, "close");
  });
});

describe("the platform", () => {
  it("is one that is supported, or refused with one clear error", async () => {
    const { checkPlatform }: { checkPlatform(platform: string, arch: string, version: string): string } = await import(
      new URL("../../dist/sys/platform.js", import.meta.url).href
    );
    expect(checkPlatform("linux", "x64", "20.19.0")).toBe("x64");
    expect(checkPlatform("linux", "arm64", "26.0.0")).toBe("arm64");
    expect(sys.architecture).toBe(process.arch);
    const refused = [
      ["darwin", "arm64", "24.0.0"],
      ["win32", "x64", "24.0.0"],
      ["linux", "ia32", "24.0.0"],
      ["linux", "x64", "20.18.3"],
      ["linux", "x64", "18.20.0"],
    ] as const;
    for (const [platform, arch, version] of refused) {
      const message = `${platform} on ${arch} with Node ${version}`;
      const error = expect(() => checkPlatform(platform, arch, version), message);
      error.toThrow(expect.objectContaining({ code: "ERR_PORTOLAN_PLATFORM" }));
      error.toThrow(message);
    }
  });

  it("is refused before anything else fails, whatever of the package is imported", async () => {
    const fixture = fileURLToPath(new URL("../fixtures/foreign-platform.mjs", import.meta.url));
    for (const [platform, arch] of [
      ["darwin", "arm64"],
      ["linux", "ppc64"],
    ] as const) {
      const told = JSON.parse(execFileSync(process.execPath, [fixture, platform, arch], { encoding: "utf8" }));
      expect(told).toEqual(Array(told.length).fill({ code: "ERR_PORTOLAN_PLATFORM", message: expect.any(String) }));
      expect(told[0].message).toContain(`this is ${platform} on ${arch}`);
      expect(told.length).toBeGreaterThanOrEqual(5);
    }
  });
});
