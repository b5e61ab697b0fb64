import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { InetdService, ReadConfig } from "../model.ts";
import { MAX_PROBLEMS } from "./bounds.ts";
import { parseClassic } from "./classic.ts";
import type { ConfigWorld } from "./world.ts";

const PORTS: Readonly<Record<string, number>> = { echo: 7, ftp: 21, ntalk: 518 };
const world: ConfigWorld = {
  port: (name) => (Object.hasOwn(PORTS, name) ? PORTS[name] : undefined),
  hasIPv6: false,
  readFile: () => "",
  listFolder: () => [],
};
const read = (text: string, place = world): ReadConfig => parseClassic(text, "inetd.conf", place);
const only = (text: string): InetdService => {
  const { config, problems } = read(text);
  expect(problems).toEqual([]);
  expect(config.services).toHaveLength(1);
  return config.services[0] as InetdService;
};

describe("a line of inetd.conf", () => {
  it("says what listens, as whom it runs, and what it runs", () => {
    expect(only("ftp\tstream tcp nowait ftpd.ftp /usr/sbin/in.ftpd in.ftpd -l")).toMatchObject({
      id: "ftp/tcp",
      name: "ftp",
      origin: { file: "inetd.conf", line: 1 },
      wait: false,
      listen: { type: "stream", endpoint: "tcp://0.0.0.0:21" },
      serves: {
        kind: "program",
        path: "/usr/sbin/in.ftpd",
        argv: ["in.ftpd", "-l"],
        credentials: { user: "ftpd", group: "ftp", hasGroups: true, isOwnGroupLeft: true },
      },
    });
  });

  it("is one socket for each family, as inetd has it", () => {
    const { config } = read("echo dgram udp wait root internal", { ...world, hasIPv6: true });
    expect(config.services.map(({ id, listen, serves }) => [id, listen.endpoint, listen.v6Only, serves.kind])).toEqual([
      ["echo/udp", "udp://0.0.0.0:7", undefined, "builtin"],
      ["echo/udp6", "udp://[::]:7", true, "builtin"],
    ]);
  });

  it.each([
    ["127.0.0.1:7007 stream tcp nowait nobody /bin/cat cat", "tcp://127.0.0.1:7007", undefined],
    ["[::1]:7007 stream tcp6 nowait nobody /bin/cat cat", "tcp://[::1]:7007", undefined],
    ["::1:7007 stream tcp6 nowait nobody /bin/cat cat", "tcp://[::1]:7007", undefined],
    ["localhost:7007 stream tcp nowait nobody /bin/cat cat", "tcp://localhost:7007", undefined],
    ["7007 stream tcp46 nowait nobody /bin/cat cat", "tcp://[::]:7007", false],
    ["7007 stream tcp6 nowait nobody /bin/cat cat", "tcp://[::]:7007", true],
    ["/run/x.sock stream unix nowait nobody /bin/cat cat", "unix:///run/x.sock", undefined],
    ["*:/run/x.sock dgram unix wait nobody /bin/cat cat", "unix+dgram:///run/x.sock", undefined],
    ["@x seqpacket unix wait nobody /bin/cat cat", "unix+seqpacket://@x", undefined],
  ])("%s listens at %s", (line, endpoint, v6Only) => {
    expect(only(line).listen).toMatchObject({ endpoint, v6Only });
  });

  it("may have several addresses, and take them from a line before", () => {
    const text =
      "127.0.0.1,127.0.0.2:\nftp stream tcp nowait nobody /bin/cat cat\n*:\n7007 stream tcp nowait nobody /bin/cat cat";
    expect(read(text).config.services.map(({ listen }) => listen.endpoint)).toEqual([
      "tcp://127.0.0.1:21",
      "tcp://127.0.0.2:21",
      "tcp://0.0.0.0:7007",
    ]);
  });

  it("goes on in lines that begin with a blank, and comments begin lines", () => {
    const text = "# a comment\n\n7007 stream tcp nowait nobody\n\t/bin/cat cat\n   -u\n#7008 stream\n  # another\n";
    expect(only(text)).toMatchObject({ origin: { line: 3 }, serves: { argv: ["cat", "-u"] } });
  });

  it("bounds how often its program is started", () => {
    expect(only("7007 stream tcp nowait.40 nobody /bin/cat cat").limits).toMatchObject({
      connectionsPerSecond: Number.POSITIVE_INFINITY,
      connectionsPerMinute: 40,
      restSeconds: 600,
    });
  });
});

describe("a bad line is told by its number, and the others count", () => {
  it.each([
    ["ehco stream tcp nowait root internal", "error", '"ehco"'],
    ["echo stream tcp nowait", "error", "the line ends before: user, program"],
    ["echo streem tcp nowait root internal", "error", '"streem" is no socket type'],
    ["echo raw tcp nowait root internal", "error", "sockets of type raw"],
    ["echo stream udp nowait root internal", "error", "udp has no sockets of type stream"],
    ["echo stream sctp nowait root internal", "error", '"sctp" is no protocol'],
    ["echo stream tcp maybe root internal", "error", "neither wait nor nowait"],
    ["ftp stream tcp nowait root internal", "error", 'no built-in service "ftp"'],
    ["ftp stream tcp nowait root bin/cat cat", "error", "no absolute path"],
    ["ftp stream tcp nowait .x /bin/cat cat", "error", '".x" is no user'],
    ["70000 stream tcp nowait root /bin/cat cat", "error", '"70000" is no port'],
    ["ruserd/1-2 dgram rpc/udp wait root /bin/cat cat", "error", "RPC"],
    ["::1:7007 stream tcp4 nowait root /bin/cat cat", "error", "no address of tcp4"],
    ["300.1.1.1:7007 stream tcp nowait root /bin/cat cat", "error", "no IPv4 address"],
    ["x.sock stream unix nowait root /bin/cat cat", "error", "no path of a unix socket"],
    ["7007 stream tcp nowait root /bin/cat", "warning", "no arguments"],
    ["7007 stream tcp nowait root /bin/cat -u", "warning", "its own name"],
    ["7007 stream tcp nowait root /bin/cat cat # hello", "warning", "comments have lines of their own"],
    ['7007 stream tcp nowait root /bin/sh sh -c "exit 3"', "warning", "quotes have no meaning"],
    ["7007 stream tcp,rcvbuf=64k nowait root /bin/cat cat", "warning", "rcvbuf=64k"],
    ["127.0.0.1:7001 stream tcp nowait root /bin/cat cat", "error", "which 7001/tcp@127.0.0.1 has already (line 1)"],
  ])("%s", (line, severity, message) => {
    const { config, problems } = read(`127.0.0.1:7001 stream tcp nowait root /bin/cat cat\n\n${line}\n`);
    expect(problems[0]).toMatchObject({
      origin: { file: "inetd.conf", line: 3 },
      severity,
      message: expect.stringContaining(message),
    });
    expect(config.services).toHaveLength(severity === "error" ? 1 : 2);
  });

  it("that begins with a blank is told of when it looks like a service of its own", () => {
    const { problems } = read(
      "7001 stream tcp4 nowait root /bin/cat cat\n  7002 stream tcp4 nowait root /bin/cat cat\n",
    );
    expect(problems).toMatchObject([{ origin: { line: 2 }, message: expect.stringContaining("goes on with line 1") }]);
  });

  it("tells no more than there is use for", () => {
    const { problems } = read("x\n".repeat(MAX_PROBLEMS + 100));
    expect(problems).toHaveLength(MAX_PROBLEMS + 1);
  });
});

describe("anything", () => {
  const words = fc.constantFrom(
    "echo",
    "stream",
    "dgram",
    "tcp",
    "udp6",
    "unix",
    "wait",
    "nowait.3",
    "root.x",
    "internal",
    "/bin/cat",
    "#",
    "*:",
    "\n",
    "[::1]:7",
    "7",
    ":",
  );
  it("is never thrown at the caller", () => {
    const noise = fc.oneof(
      fc.string({ unit: "binary" }),
      fc.array(fc.oneof(words, fc.string())).map((list) => list.join(" ")),
    );
    fc.assert(
      fc.property(noise, (text) => {
        const { config, problems } = read(text);
        const ids = config.services.map(({ id }) => id);
        expect(new Set(ids).size).toBe(ids.length);
        for (const { origin } of problems) expect(origin.line).toBeGreaterThan(0);
      }),
    );
  });
});
