/** The classic look-ups and the interfaces, against Python's, /etc/services and Node. No name server is asked. */
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { networkInterfaces } from "node:os";
import { fileURLToPath } from "node:url";
import {
  getaddrinfo,
  gethostbyaddr,
  gethostbyaddrSync,
  gethostbyname,
  gethostbyname2,
  gethostbyname2Sync,
  gethostbynameSync,
  getifaddrs,
  getprotobyname,
  getprotobynumber,
  getservbyname,
  getservbynameSync,
  getservbyport,
  getservbyportSync,
  if_indextoname,
  if_nameindex,
  if_nametoindex,
  LookupError,
} from "portolan";
import { AF_INET6, IFF_LOOPBACK } from "portolan/abi";
import { describe, expect, it } from "vitest";
import { failureOf } from "../support/socket-pairs.ts";
import { needsPython, python } from "./lookup-python.ts";

/** The lines of a table such as services(5), as words. */
function table(path: string): string[][] {
  return readFileSync(path, "utf8")
    .split("\n")
    .map((line) => line.replace(/#.*/, "").trim().split(/\s+/))
    .filter((words) => words.length > 1);
}

describe("hosts by name", () => {
  it("are those of Python", async (context) => {
    needsPython(context);
    const names = ["localhost", "127.0.0.1", "192.0.2.77"];
    const theirs = python("print(json.dumps([socket.gethostbyname_ex(name) for name in queries]))", names);
    const expected = names.map((name) => {
      const { name: official, aliases, addresses } = gethostbynameSync(name);
      return [official, aliases, addresses];
    });
    expect(expected).toEqual(theirs);
    for (const name of names) expect(await gethostbyname(name)).toEqual(gethostbynameSync(name));
  });

  it("have every field of struct hostent, in both families", async () => {
    const four = { aliases: [], addressType: "inet", length: 4 };
    expect(gethostbynameSync("127.0.0.1")).toEqual({ ...four, name: "127.0.0.1", addresses: ["127.0.0.1"] });
    expect(gethostbyname2Sync("127.0.0.1", "inet")).toEqual(gethostbynameSync("127.0.0.1"));
    const six = { name: "::1", aliases: [], addressType: "inet6", length: 16, addresses: ["::1"] };
    expect(gethostbyname2Sync("::1", "inet6")).toEqual(six);
    expect(await gethostbyname2("::1", AF_INET6)).toEqual(six);
  });

  it("refuse what is no family, no name", async () => {
    expect(() => gethostbyname2Sync("::1", "unix" as never)).toThrow(TypeError);
    expect(await failureOf(() => gethostbyname("a\0b"))).toBeInstanceOf(TypeError);
    expect(() => gethostbynameSync("a".repeat(3000))).toThrow(LookupError);
  });

  it("do not overwrite each other, however many are under way", async () => {
    const names = Array.from({ length: 300 }, (_, index) => `127.0.${index >> 8}.${index & 255}`);
    const entries = await Promise.all(
      names.map(async (name) => {
        const pending = gethostbyname(name);
        // One that blocks, in between: libc's static buffer would be shared by both.
        expect(gethostbynameSync("127.1.1.1").addresses).toEqual(["127.1.1.1"]);
        return await pending;
      }),
    );
    expect(entries.flatMap(({ addresses }) => addresses)).toEqual(names);
  });
});

describe("hosts by address", () => {
  it("are those of Python", async (context) => {
    needsPython(context);
    const theirs = python("print(json.dumps(socket.gethostbyaddr(queries)))", "127.0.0.1");
    const { name, aliases, addresses } = gethostbyaddrSync("127.0.0.1");
    expect([name, aliases, addresses]).toEqual(theirs);
    expect(await gethostbyaddr("127.0.0.1")).toEqual(gethostbyaddrSync("127.0.0.1"));
  });

  it("refuse what is no address", async () => {
    for (const text of ["venus", "256.0.0.1", "fe80::1%lo", ""]) {
      expect(() => gethostbyaddrSync(text)).toThrow(TypeError);
      expect(await failureOf(() => gethostbyaddr(text))).toBeInstanceOf(TypeError);
    }
  });
});

describe("services", () => {
  const services = table("/etc/services").map(([name = "", portAndProtocol = ""]) => {
    const [port, protocol = ""] = portAndProtocol.split("/");
    return { name, port: Number(port), protocol };
  });

  it("by name are Python's, for every line of /etc/services", (context) => {
    needsPython(context);
    const program = "print(json.dumps([socket.getservbyname(*query) for query in queries]))";
    const theirs = python(
      program,
      services.map(({ name, protocol }) => [name, protocol]),
    );
    expect(services.map(({ name, protocol }) => getservbynameSync(name, protocol)?.port)).toEqual(theirs);
  });

  it("by port are Python's, for every line of /etc/services", (context) => {
    needsPython(context);
    const program = "print(json.dumps([socket.getservbyport(*query) for query in queries]))";
    const theirs = python(
      program,
      services.map(({ port, protocol }) => [port, protocol]),
    );
    expect(services.map(({ port, protocol }) => getservbyportSync(port, protocol)?.name)).toEqual(theirs);
  });

  it("have every field of struct servent", async () => {
    const http = { name: "http", aliases: expect.any(Array), port: 80, protocol: "tcp" };
    expect(getservbynameSync("http", "tcp")).toEqual(http);
    expect(getservbynameSync("http")).toMatchObject({ name: "http", port: 80 });
    const [line] = table("/etc/services").filter(([name, port]) => name === "http" && port === "80/tcp");
    expect(getservbynameSync("http", "tcp")?.aliases).toEqual(line?.slice(2));
    expect(await getservbyname("http", "tcp")).toEqual(getservbynameSync("http", "tcp"));
    expect(await getservbyport(53, "udp")).toEqual(getservbyportSync(53, "udp"));
    expect(getservbyportSync(53, "udp")).toMatchObject({ name: "domain", port: 53, protocol: "udp" });
  });

  it("are null where there is none", async () => {
    expect(getservbynameSync("no-such-service")).toBeNull();
    expect(await getservbyname("http", "no-such-protocol")).toBeNull();
    expect(getservbyportSync(65_000, "tcp")).toBeNull();
    expect(await getservbyport(65_000)).toBeNull();
  });

  it("refuse what is no port, no name", async () => {
    for (const port of [-1, 65_536, 0.5]) expect(() => getservbyportSync(port)).toThrow(RangeError);
    expect(await failureOf(() => getservbyport(70_000))).toBeInstanceOf(RangeError);
    expect(await failureOf(() => getservbyname("ht\0tp"))).toBeInstanceOf(TypeError);
    expect(() => getservbynameSync("http", "t\0cp")).toThrow(TypeError);
  });
});

describe("protocols", () => {
  it("are those of /etc/protocols and of Python", (context) => {
    needsPython(context);
    const lines = table("/etc/protocols");
    const names = lines.map(([name = ""]) => name);
    const theirs = python("print(json.dumps([socket.getprotobyname(name) for name in queries]))", names);
    expect(names.map((name) => getprotobyname(name)?.protocol)).toEqual(theirs);
    const [name = "", number = "", ...aliases] = lines.find(([word]) => word === "tcp") ?? [];
    expect(getprotobynumber(Number(number))).toEqual({ name, aliases, protocol: Number(number) });
  });

  it("are null where there is none, and refuse what is no number", () => {
    expect(getprotobyname("no-such-protocol")).toBeNull();
    expect(getprotobynumber(254)).toBeNull();
    expect(getprotobynumber(-1)).toBeNull();
    expect(() => getprotobynumber(1.5)).toThrow(RangeError);
    expect(() => getprotobyname("t\0cp")).toThrow(TypeError);
  });
});

describe("interfaces", () => {
  it("have the names and indexes that Python sees", (context) => {
    needsPython(context);
    const theirs = python<[number, string][]>("print(json.dumps(socket.if_nameindex()))", null);
    expect(if_nameindex().map(({ index, name }) => [index, name])).toEqual(theirs);
    for (const [index, name] of theirs) {
      expect(if_nametoindex(name)).toBe(index);
      expect(if_indextoname(index)).toBe(name);
    }
  });

  it("have the addresses that Node sees", () => {
    const theirs = Object.entries(networkInterfaces()).flatMap(([name, addresses = []]) => {
      return addresses.map(({ address, netmask, family, internal, scopeid }) => {
        const tagged = family === "IPv4" ? "inet" : "inet6";
        return { name, family: tagged, address, netmask, internal, scopeId: scopeid ?? 0 };
      });
    });
    const ours = getifaddrs().flatMap(({ name, flags, address, netmask }) => {
      if (address?.family !== "inet" && address?.family !== "inet6") return [];
      if (netmask?.family !== address.family) throw new Error(`${name} has a netmask of another family`);
      const scopeId = address.family === "inet6" ? (address.scopeId ?? 0) : 0;
      const internal = (flags & IFF_LOOPBACK) !== 0;
      return [{ name, family: address.family, address: address.address, netmask: netmask.address, internal, scopeId }];
    });
    const key = ({ name, address }: { readonly name: string; readonly address: string }): string =>
      `${name} ${address}`;
    const sorted = <T extends { name: string; address: string }>(list: readonly T[]): T[] =>
      [...list].sort((a, b) => (key(a) < key(b) ? -1 : 1));
    expect(sorted(ours).map((entry) => ({ ...entry, netmask: "" }))).toEqual(
      sorted(theirs).map((entry) => ({ ...entry, netmask: "" })),
    );
    const masks = (list: readonly { family: string; netmask: string; name: string; address: string }[]): string[] =>
      sorted(list).flatMap(({ family, netmask }) => (family === "inet" ? [netmask] : []));
    expect(masks(ours)).toEqual(masks(theirs));
  });

  it("have link addresses and flags by name", () => {
    const loopback = getifaddrs().find(({ name, address }) => name === "lo" && address?.family === "packet");
    expect(loopback?.flagNames).toEqual(expect.arrayContaining(["IFF_LOOPBACK"]));
    expect(loopback?.address).toMatchObject({
      family: "packet",
      ifindex: if_nametoindex("lo"),
      address: new Uint8Array(6),
    });
    expect(loopback).not.toHaveProperty("broadcast");
    expect(loopback).not.toHaveProperty("destination");
  });

  it("fail with C's errors where there is none", () => {
    expect(() => if_nametoindex("nosuch0")).toThrow(expect.objectContaining({ code: "ENODEV" }));
    expect(() => if_indextoname(1_000_000)).toThrow(expect.objectContaining({ code: "ENXIO" }));
    expect(() => if_indextoname(0)).toThrow(expect.objectContaining({ code: "ENXIO" }));
    expect(() => if_indextoname(-1)).toThrow(RangeError);
    expect(() => if_nametoindex("l\0o")).toThrow(TypeError);
  });
});

describe("in a process of their own", () => {
  const fixture = fileURLToPath(new URL("../fixtures/lookup.mjs", import.meta.url));

  it("say which system call failed when no descriptor is left", () => {
    const output = execFileSync("sh", ["-c", 'ulimit -n 64; exec "$0" "$1" descriptors', process.execPath, fixture]);
    expect(JSON.parse(output.toString())).toEqual({
      gethostbyname: { name: "LookupError", code: "NETDB_INTERNAL", cause: "EMFILE" },
      gethostbynameSync: { name: "LookupError", code: "NETDB_INTERNAL", cause: "EMFILE" },
      getifaddrs: { name: "SystemError", code: "EMFILE" },
      getservbyname: { name: "SystemError", code: "EMFILE" },
      getservbynameSync: { name: "SystemError", code: "EMFILE" },
    });
  });

  it("throw nothing but LookupError and TypeError for any name, where no name server can be reached", (context) => {
    const arguments_ = ["-Urn", process.execPath, fixture, "names"];
    try {
      execFileSync("unshare", ["-Urn", "true"], { stdio: "ignore" });
    } catch {
      if (process.env.CI) throw new Error("unshare -Urn does not work here");
      context.skip("no network namespaces without privileges");
    }
    const output = execFileSync("unshare", arguments_, { encoding: "utf8" });
    const { counts, others } = JSON.parse(output) as { counts: Record<string, number>; others: string[] };
    expect(others).toEqual([]);
    expect(counts.EAI_AGAIN).toBeGreaterThan(0);
    expect(counts.TRY_AGAIN).toBeGreaterThan(0);
    expect(counts.TypeError).toBeGreaterThan(0);
  });

  it("leave libuv's pool to others while name servers are silent", async () => {
    // Half of the pool is the look-ups' at most, so reading a file comes between a thousand of them.
    const lookups = Array.from({ length: 1000 }, () => getaddrinfo("127.0.0.1", 80));
    const { readFile } = await import("node:fs/promises");
    let settled = 0;
    for (const lookup of lookups) void lookup.then(() => settled++);
    await readFile("/etc/hosts");
    expect(settled).toBeLessThan(1000);
    await Promise.all(lookups);
  });
});
