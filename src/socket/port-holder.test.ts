import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { IPPROTO_SCTP, IPPROTO_TCP, IPPROTO_UDP, type SocketAddress } from "../abi/index.ts";
import { describeHolder } from "./port-holder.ts";

/**
 * A /proc of our own: its tables are in the form that the kernel gives them on a little-endian machine. Its processes have
 * numbers beyond any that Linux gives, so that none is the test's own.
 */
let root: string;

beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), "portolan-proc-"));
  table("tcp", [
    inetLine("0100007F:1F90", "0A", 1000, 77),
    inetLine("00000000:1F91", "0A", 1000, 78),
    inetLine("0100007F:1F92", "06", 0, 0),
    inetLine("0100007F:1F93", "02", 0, 0),
    inetLine("0100007F:1F94", "0A", 33, 404),
  ]);
  table("tcp6", [
    inetLine("00000000000000000000000001000000:1F95", "0A", 1000, 79),
    inetLine("0000000000000000FFFF00000100007F:1F96", "0A", 1000, 79),
  ]);
  table("udp", [inetLine("0100007F:1F90", "07", 1000, 80)]);
  table("udp6", []);
  table("unix", [
    "0000000000000000: 00000002 00000000 00010000 0001 01 81 /run/a server.sock",
    "0000000000000000: 00000002 00000000 00010000 0001 01 82 @abstract",
    "0000000000000000: 00000003 00000000 00000000 0001 03 83",
  ]);
  processOf(5000011, "server", ["/dev/null", "socket:[77]", "socket:[82]"]);
  processOf(5000012, "child", ["socket:[77]", "socket:[78]"]);
  for (let pid = 5000020; pid < 5000026; pid++) processOf(pid, "worker", ["socket:[79]"]);
  processOf(5000030, "udpd", ["socket:[80]", "socket:[81]"]);
  // A process whose descriptors may not be seen, and what is no process.
  mkdirSync(join(root, "5000040"));
  mkdirSync(join(root, "sys"));
});

afterAll(() => rmSync(root, { recursive: true }));

describe("who holds an address", () => {
  it("is found by the inode of its socket, whoever shares it", () => {
    expect(holder(inet("127.0.0.1", 8080))).toBe("held by pid 5000011 (server), pid 5000012 (child)");
    expect(holder(inet("127.0.0.1", 8080), IPPROTO_UDP)).toBe("held by pid 5000030 (udpd)");
  });

  it("is also who has the wildcard, and of a wildcard who has any", () => {
    expect(holder(inet("127.0.0.9", 8081))).toBe("held by pid 5000012 (child)");
    expect(holder(inet("0.0.0.0", 8080))).toBe("held by pid 5000011 (server), pid 5000012 (child)");
    expect(holder(inet6("::", 8080))).toBe("held by pid 5000011 (server), pid 5000012 (child)");
    expect(holder(inet("127.0.0.2", 8080))).toBe(undefined);
  });

  it("is also who has the same address as IPv6, and only three are named", () => {
    const three = "held by pid 5000020 (worker), pid 5000021 (worker), pid 5000022 (worker)";
    expect(holder(inet6("::1", 8085))).toBe(three);
    expect(holder(inet("127.0.0.1", 8086))).toBe(three);
    expect(holder(inet6("::2", 8085))).toBe(undefined);
  });

  it("may be nobody: a connection that ended lately, or one that the kernel still makes", () => {
    expect(holder(inet("127.0.0.1", 8082))).toBe("earlier connections are in TIME_WAIT: set SO_REUSEADDR");
    expect(holder(inet("127.0.0.1", 8083))).toBe("held by the kernel");
  });

  it("may be hidden", () => {
    expect(holder(inet("127.0.0.1", 8084))).toBe("held by a process of uid 33 that this one may not look into");
  });

  it("is found by the path of a unix socket, or its abstract name", () => {
    expect(holder({ family: "unix", kind: "path", path: "/run/a server.sock" })).toBe("held by pid 5000030 (udpd)");
    const name = Buffer.from("abstract");
    expect(holder({ family: "unix", kind: "abstract", name })).toBe("held by pid 5000011 (server)");
    expect(holder({ family: "unix", kind: "path", path: "/run/a" })).toBe(undefined);
  });

  it("is not known for other protocols, families, or without /proc", () => {
    expect(holder(inet("127.0.0.1", 8080), IPPROTO_SCTP)).toBe(undefined);
    expect(holder({ family: "unknown", familyNumber: 99, bytes: new Uint8Array(0) })).toBe(undefined);
    expect(describeHolder(inet("127.0.0.1", 8080), IPPROTO_TCP, { root: join(root, "none") })).toBe(undefined);
  });
});

describe("the search for a holder", () => {
  it("reads tables of any length", () => {
    const others = Array.from({ length: 5000 }, (_, index) => inetLine("0100007F:0001", "01", 0, 1000 + index));
    table("udp6", [...others, inetLine("00000000000000000000000001000000:1F97", "07", 5, 80)]);
    expect(holder(inet6("::1", 8087), IPPROTO_UDP)).toBe("held by pid 5000030 (udpd)");
  });

  it("ends when its time is over", () => {
    expect(describeHolder(inet("127.0.0.1", 8080), IPPROTO_TCP, { root, limitMs: 0 })).toBe(undefined);
  });
});

function holder(address: SocketAddress, protocol: number = IPPROTO_TCP): string | undefined {
  return describeHolder(address, protocol, { root, limitMs: 60_000 });
}

function inet(address: string, port: number): SocketAddress {
  return { family: "inet", address, port };
}

function inet6(address: string, port: number): SocketAddress {
  return { family: "inet6", address, port, flowinfo: 0, scopeId: 0 };
}

function inetLine(local: string, state: string, uid: number, inode: number): string {
  return `   0: ${local} 00000000:0000 ${state} 00000000:00000000 00:00000000 00000000 ${uid} 0 ${inode} 1 0000000000000000`;
}

function table(name: string, lines: readonly string[]): void {
  const folder = join(root, "thread-self", "net");
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, name), ["the names of the columns", ...lines, ""].join("\n"));
}

function processOf(pid: number, command: string, targets: readonly string[]): void {
  const folder = join(root, String(pid), "fd");
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(root, String(pid), "comm"), `${command}\n`);
  for (const [fd, target] of targets.entries()) symlinkSync(target, join(folder, String(fd)));
}
