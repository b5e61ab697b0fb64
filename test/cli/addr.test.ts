/** `portolan addr`: addresses and byte order as bytes, and what the kernel binds. */
import { readFileSync } from "node:fs";
import { connect } from "node:net";
import { endianness } from "node:os";
import { describe, expect, it } from "vitest";
import { portolan, start } from "./portolan.ts";

const USAGE = 64;
const DATAERR = 65;
const UNAVAILABLE = 69;

function lines(text: string): string[] {
  return text.trimEnd().split("\n");
}

describe("portolan addr convert", () => {
  it("shows text, memory and text again", async () => {
    const { status, stdout, stderr } = await portolan(["addr", "convert", "192.168.1.100"]);
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    expect(lines(stdout)).toEqual([
      "text         192.168.1.100",
      "family       AF_INET, 4 bytes",
      "in memory    c0 a8 01 64",
      "in binary    11000000 10101000 00000001 01100100",
      "as a number  3232235876, 0xc0a80164; ntohl(s_addr)",
      "s_addr       1677830336 where the host is little-endian, as here",
      "and back     192.168.1.100",
    ]);
  });

  it("takes several, IPv6 with its scope too, and prints them for machines", async () => {
    const texts = ["::1", "FE80:0::1%lo", "::ffff:10.0.0.1", "0.0.0.0"];
    const { stdout } = await portolan(["addr", "convert", ...texts, "--json"]);
    expect(lines(stdout).map((line) => JSON.parse(line) as unknown)).toEqual([
      { text: "::1", family: "AF_INET6", bytes: `${"00 ".repeat(15)}01`, back: "::1" },
      {
        text: "FE80:0::1%lo",
        family: "AF_INET6",
        bytes: `fe 80 ${"00 ".repeat(13)}01`,
        back: "fe80::1%lo",
        scopeId: 1,
      },
      {
        text: "::ffff:10.0.0.1",
        family: "AF_INET6",
        bytes: `${"00 ".repeat(10)}ff ff 0a 00 00 01`,
        back: "::ffff:10.0.0.1",
      },
      { text: "0.0.0.0", family: "AF_INET", bytes: "00 00 00 00", back: "0.0.0.0" },
    ]);
  });

  it.each([
    ["256.0.0.1", /256 is more than a byte holds/],
    ["abrakadabra", /digits and dots.*portolan resolve abrakadabra/],
    ["1.2.3", /4 parts, and this has 3/],
    ["1..2.3", /a part is empty/],
    ["01.2.3.4", /leading zero/],
    ["1:2", /eight groups/],
    ["fe80::1%", /eight groups/],
    ["fe80::1%nosuch0", /no interface is called "nosuch0"/],
    ["", /digits and dots/],
  ])("refuses %s with EX_DATAERR, and says why", async (text, reason) => {
    const { status, stdout, stderr } = await portolan(["addr", "convert", text]);
    expect({ status, stdout }).toEqual({ status: DATAERR, stdout: "" });
    expect(lines(stderr)).toEqual([expect.stringMatching(reason)]);
  });
});

describe("portolan addr order", () => {
  it("shows a port in both byte orders, side by side", async () => {
    expect(endianness()).toBe("LE");
    const { status, stdout, stderr } = await portolan(["addr", "order", "54154"]);
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    const [, , , row16, row32] = lines(stdout);
    expect(row16).toMatch(/^ +16 {2}8a d3 +d3 8a +htons\(54154\) = 35539, 0x8ad3$/);
    expect(row32).toMatch(/^ +32 {2}8a d3 00 00 +00 00 d3 8a +htonl\(54154\) = 2329083904, 0x8ad30000$/);
  });

  it("leaves 16 bits out where the number has more, and prints for machines", async () => {
    const { stdout } = await portolan(["addr", "order", "0xC0A80164", "--json"]);
    expect(JSON.parse(stdout)).toEqual({
      number: 0xc0a80164,
      bits: 32,
      host: "64 01 a8 c0",
      network: "c0 a8 01 64",
      swapped: 0x6401a8c0,
    });
  });

  it.each(["4294967296", "x", "1.5", "0x", "1e3", ""])("refuses %j with EX_DATAERR", async (text) => {
    const { status, stderr } = await portolan(["addr", "order", text]);
    expect(status).toBe(DATAERR);
    expect(lines(stderr)).toEqual([expect.stringContaining("no whole number from 0 to 4294967295")]);
  });
});

interface BoundEvent {
  readonly pid: number;
  readonly before: { readonly port: number };
  readonly bound: { readonly address: string; readonly port: number };
}

describe("portolan addr bind", () => {
  it("says what was asked and what was bound, at an ephemeral port of the kernel's range", async () => {
    const { status, stdout, stderr } = await portolan(["addr", "bind", "127.0.0.1", "0", "--no-wait"]);
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    expect(stdout).toMatch(/^asked +127\.0\.0\.1:0, in memory 02 00 00 00 7f 00 00 01( 00){8}$/m);
    expect(stdout).toMatch(/^before bind +0\.0\.0\.0:0, says getsockname$/m);
    const port = Number(/^bound +127\.0\.0\.1:(\d+),/m.exec(stdout)?.[1]);
    const range = readFileSync("/proc/sys/net/ipv4/ip_local_port_range", "latin1").trim().split(/\s+/).map(Number);
    expect(port).toBeGreaterThanOrEqual(range[0] as number);
    expect(port).toBeLessThanOrEqual(range[1] as number);
    expect(stdout).toContain("explicit: reached at this address only");
    expect(stdout).toContain("ephemeral: 0 asks for a free one");
    expect(stdout).not.toContain("Ctrl-C");
  });

  it("names the addresses that any stands for", async () => {
    const { stdout } = await portolan(["addr", "bind", "any", "0", "--no-wait", "--type", "dgram"]);
    expect(stdout).toMatch(/^the address +any: reached at every address of this machine, now 127\.0\.0\.1/m);
  });

  it("stays until it is told to end, so that others can look and connect", async () => {
    await using program = start(["addr", "bind", "127.0.0.1"]);
    const port = await program.until("a port", () => /sport = :(\d+)/.exec(program.stdout)?.[1]);
    expect(program.stdout).toContain("ss -tlnp 'sport = :");
    await new Promise<void>((resolve, reject) => {
      const socket = connect(Number(port), "127.0.0.1", () => socket.destroy());
      socket.once("error", reject).once("close", () => resolve());
    });
    const again = await portolan(["addr", "bind", "127.0.0.1", String(port), "--no-wait"]);
    expect(again).toMatchObject({ status: UNAVAILABLE, stderr: expect.stringContaining("EADDRINUSE") });
    program.signal("SIGINT");
    expect(await program.end()).toMatchObject({ status: 0, stderr: "" });
  });

  it("tells machines all of it", async () => {
    await using program = start(["addr", "bind", "::1", "0", "--json"]);
    const [event] = await program.until("the event", () => {
      const events = program.events("bound");
      return events.length > 0 ? (events as unknown as BoundEvent[]) : undefined;
    });
    expect(event).toMatchObject({
      pid: program.pid,
      asked: { family: "inet6", address: "::1", port: 0 },
      before: { family: "inet6", address: "::", port: 0 },
      bound: { family: "inet6", address: "::1" },
    });
    expect(event?.bound.port).toBeGreaterThan(0);
    program.signal("SIGTERM");
    expect(await program.end()).toMatchObject({ status: 0 });
  });

  it.each([
    [["203.0.113.77", "0"], UNAVAILABLE, "EADDRNOTAVAIL"],
    [["venus", "0"], DATAERR, "no IPv4 or IPv6 address"],
    [["127.0.0.1", "65536"], DATAERR, "from 0 to 65535"],
    [["127.0.0.1", "http"], DATAERR, "from 0 to 65535"],
    [["127.0.0.1", "0", "--type", "raw"], USAGE, "stream or dgram"],
  ])("refuses %j", async (args, status, reason) => {
    const ended = await portolan(["addr", "bind", ...args, "--no-wait"]);
    expect(ended).toMatchObject({ status, stdout: "" });
    expect(lines(ended.stderr)).toEqual([expect.stringContaining(reason)]);
  });
});

describe("portolan addr", () => {
  it("has help with examples, for itself and for each part", async () => {
    for (const args of [["addr"], ["addr", "convert"], ["addr", "order"], ["addr", "bind"]]) {
      const { status, stdout } = await portolan([...args, "--help"]);
      expect(status).toBe(0);
      expect(stdout).toContain(`Usage: portolan ${args.join(" ")}`);
      expect(stdout).toContain("Examples:");
    }
  });

  it("helps with a part that there is not", async () => {
    const { status, stderr } = await portolan(["addr", "bnd"]);
    expect(status).toBe(USAGE);
    expect(stderr).toContain("bind");
  });
});
