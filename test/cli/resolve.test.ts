/** `portolan resolve`: every field of the answers, the new way and the old. No name server is asked. */
import { describe, expect, it } from "vitest";
import { portolan } from "./portolan.ts";

const USAGE = 64;
const NOHOST = 68;
const UNAVAILABLE = 69;

function lines(text: string): string[] {
  return text.trimEnd().split("\n");
}

describe("portolan resolve", () => {
  it("shows every field of struct addrinfo", async () => {
    const args = ["resolve", "127.0.0.1", "http", "--type", "stream", "--canonical-name"];
    const { status, stdout, stderr } = await portolan(args);
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    const rows = lines(stdout).map((line) => line.split(/ {2,}/));
    expect(rows).toEqual([
      ["ai_flags", "ai_family", "ai_socktype", "ai_protocol", "ai_addrlen", "ai_addr", "ai_canonname"],
      ["AI_CANONNAME", "AF_INET", "SOCK_STREAM", "IPPROTO_TCP", "16", "127.0.0.1:80", "127.0.0.1"],
    ]);
  });

  it("asks for one family and one type, with scope ids", async () => {
    const args = ["resolve", "fe80::1%lo", "domain", "--family", "inet6", "--type", "dgram", "--json"];
    const { status, stdout } = await portolan(args);
    expect(status).toBe(0);
    expect(lines(stdout).map((line) => JSON.parse(line) as unknown)).toEqual([
      {
        event: "addrinfo",
        flags: 0,
        family: "inet6",
        type: "dgram",
        protocol: 17,
        address: { family: "inet6", address: "fe80::1", port: 53, scopeId: 1 },
      },
    ]);
  });

  it("shows what a server would bind to", async () => {
    const { stdout } = await portolan(["resolve", "-", "7007", "--passive", "--numeric-service", "--type", "stream"]);
    expect(stdout).toContain("AI_PASSIVE|AI_NUMERICSERV");
    expect(stdout).toContain(" 0.0.0.0:7007 ");
    expect(stdout).toContain(" [::]:7007 ");
  });

  it("takes each flag of getaddrinfo", async () => {
    const flags = ["--numeric-host", "--v4-mapped", "--all", "--address-config"];
    const { status, stdout } = await portolan(["resolve", "127.0.0.1", "80", "--type", "stream", ...flags]);
    expect(status).toBe(0);
    expect(lines(stdout)[1]).toMatch(/^AI_NUMERICHOST\|AI_V4MAPPED\|AI_ALL\|AI_ADDRCONFIG /);
  });

  it("shows hostent and servent, the classic way", async () => {
    const { status, stdout, stderr } = await portolan([
      "resolve",
      "127.0.0.1",
      "http",
      "--classic",
      "--type",
      "stream",
    ]);
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    expect(stdout).toMatch(/^struct hostent of gethostbyname\("127\.0\.0\.1"\)$/m);
    expect(stdout).toMatch(/^ {2}h_name +127\.0\.0\.1$/m);
    expect(stdout).toMatch(/^ {2}h_aliases +\(none\)$/m);
    expect(stdout).toMatch(/^ {2}h_addrtype +AF_INET$/m);
    expect(stdout).toMatch(/^ {2}h_length +4$/m);
    expect(stdout).toMatch(/^ {2}h_addr_list +127\.0\.0\.1 \(7f 00 00 01\)$/m);
    expect(stdout).toMatch(/^struct servent of getservbyname\("http", "tcp"\)$/m);
    expect(stdout).toMatch(/^ {2}s_name +http$/m);
    expect(stdout).toMatch(/^ {2}s_port +htons\(80\), in memory 00 50$/m);
    expect(stdout).toMatch(/^ {2}s_proto +tcp$/m);
  });

  it("does so for IPv6 and for a port, and for machines", async () => {
    const { stdout } = await portolan([
      "resolve",
      "::1",
      "53",
      "--classic",
      "--family",
      "inet6",
      "--type",
      "dgram",
      "--json",
    ]);
    expect(lines(stdout).map((line) => JSON.parse(line) as unknown)).toEqual([
      { event: "hostent", name: "::1", aliases: [], addressType: "inet6", length: 16, addresses: ["::1"] },
      { event: "servent", name: "domain", aliases: [], port: 53, protocol: "udp" },
    ]);
  });

  it.each([
    [["venus", "--numeric-host"], NOHOST, "EAI_NONAME venus"],
    [["127.0.0.1", "no-such-service"], UNAVAILABLE, "EAI_SERVICE"],
    [["127.0.0.1", "--family", "inet6"], NOHOST, "EAI_ADDRFAMILY"],
    [["127.0.0.1", "http", "--type", "raw"], UNAVAILABLE, "EAI_SERVICE"],
    [["127.0.0.1", "no-such-service", "--classic"], UNAVAILABLE, 'no service "no-such-service"'],
    [["127.0.0.1", "--family", "ipx"], USAGE, "--family takes one of inet, inet6"],
    [["127.0.0.1", "--type", "tcp"], USAGE, "--type takes one of stream, dgram"],
    [["127.0.0.1", "80", "--classic", "--type", "raw"], USAGE, "--type stream and dgram"],
    [["127.0.0.1", "70000", "--classic"], USAGE, "from 0 to 65535"],
    [["127.0.0.1", "--timeout", "soon"], USAGE, "--timeout takes seconds"],
    [[], USAGE, "missing required argument 'host'"],
  ])("refuses %j in one line", async (args, status, reason) => {
    const ended = await portolan(["resolve", ...args]);
    expect(ended).toMatchObject({ status, stdout: "" });
    expect(lines(ended.stderr)).toEqual([expect.stringContaining(reason)]);
  });

  it("has help with examples", async () => {
    const { status, stdout } = await portolan(["resolve", "--help"]);
    expect(status).toBe(0);
    expect(stdout).toContain("Usage: portolan resolve");
    expect(stdout).toContain("Examples:");
    const [text = ""] = stdout.split("Examples:");
    expect(text.split("\n").filter((line) => line.length > 80)).toEqual([]);
  });
});
