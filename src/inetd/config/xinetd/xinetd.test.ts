import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { InetdService, ReadConfig } from "../../model.ts";
import type { ConfigWorld } from "../world.ts";
import { ATTRIBUTES } from "./attributes.ts";
import { parseXinetd } from "./xinetd.ts";

const FILES: Readonly<Record<string, string>> = {
  "/d/a": "service echo\n{\n id = a\n type = INTERNAL\n socket_type = stream\n wait = no\n bind = 127.0.0.1\n}\n",
  "/d/b": "nonsense\n",
  "/loop": "include /loop\n",
};
const world: ConfigWorld = {
  port: (name) => ({ echo: 7, ftp: 21, http: 80 })[name],
  hasIPv6: true,
  readFile(path) {
    const text = Object.hasOwn(FILES, path) ? FILES[path] : undefined;
    if (text === undefined) throw new Error(`there is no ${path}`);
    return text;
  },
  listFolder(path) {
    if (path === "/d") return ["b", "a", "a.dpkg-old", "a~"];
    throw new Error(`there is no ${path}`);
  },
};
const read = (text: string): ReadConfig => parseXinetd(text, "xinetd.conf", world);
const BASE = "socket_type = stream\nwait = no\nuser = nobody\nserver = /usr/sbin/in.ftpd\n";
const entry = (more: string, base = BASE): string => `service ftp\n{\n${base}${more}\n}\n`;
function only(text: string): InetdService {
  const { config, problems } = read(text);
  expect(problems).toEqual([]);
  expect(config.services).toHaveLength(1);
  return config.services[0] as InetdService;
}

describe("an entry of xinetd.conf", () => {
  it("says what listens and what runs, as xinetd has it by default", () => {
    expect(only(entry("server_args = -l -d"))).toMatchObject({
      id: "ftp",
      origin: { file: "xinetd.conf", line: 1 },
      isDisabled: false,
      wait: false,
      listen: { type: "stream", endpoint: "tcp://[::]:21", v6Only: false, keepAlive: false },
      serves: {
        kind: "program",
        path: "/usr/sbin/in.ftpd",
        argv: ["in.ftpd", "-l", "-d"],
        credentials: { user: "nobody", group: undefined, hasGroups: false },
        passEnvironment: undefined,
      },
      access: { onlyFrom: undefined, noAccess: [], times: [] },
      limits: { connectionsPerSecond: 50, restSeconds: 10 },
    });
  });

  it("has words in any case, numbers and sizes as xinetd reads them", () => {
    const text = entry(
      "disable = NO\ninstances = unlimited\nnice = +5\nmax_load = .5\nrlimit_as = 1k\nlog_on_success = pid Host\nflags = ipv4 NoDelay",
    );
    expect(only(text)).toMatchObject({
      isDisabled: false,
      listen: { endpoint: "tcp://0.0.0.0:21", noDelay: true },
      serves: { nice: 5, rlimits: { addressSpaceBytes: 1024 } },
      limits: { instances: Number.POSITIVE_INFINITY, maxLoad: 0.5 },
      log: { onSuccess: ["PID", "HOST"] },
    });
  });

  it("has the socket's type from its protocol, where it does not say", () => {
    const base = "wait = yes\nuser = nobody\nserver = /bin/cat\n";
    expect(only(entry("protocol = tcp", base)).listen.type).toBe("stream");
    expect(only(entry("protocol = udp", base)).listen.type).toBe("dgram");
  });

  it("stays disabled whatever is taken away from the list, as in xinetd", () => {
    const { config, problems } = read(`defaults\n{\ndisabled = ftp http\ndisabled -= ftp\n}\n${entry("")}`);
    expect(config.services).toMatchObject([{ id: "ftp", isDisabled: true }]);
    expect(problems).toMatchObject([{ severity: "warning", message: expect.stringContaining("takes nothing away") }]);
  });

  it("is at no time where access_times says none", () => {
    const { config, problems } = read(entry("access_times ="));
    expect(config.services).toEqual([]);
    expect(problems).toMatchObject([{ severity: "error", message: expect.stringContaining("at least one span") }]);
  });

  it("has every attribute", () => {
    const text = `id = mine\ngroup = ftp\ngroups = yes\ninstances = 3\nper_source = UNLIMITED\ncps = 25 30\nmax_load = 2.5
rlimit_as = 8M\nrlimit_cpu = 20\nrlimit_data = 64K\nrlimit_files = 30\nrlimit_stack = UNLIMITED\nnice = -5\numask = 027
only_from = 10.0.0.0 .example.org\nno_access = 10.0.0.{7,8}\naccess_times = 8:00-9:00 17:30-24:00\nbind = ::1\nv6only = yes
banner = /b\nbanner_success = /s\nbanner_fail = /f\nlog_type = FILE /var/log/ftp 100K\nlog_on_success = PID HOST EXIT
log_on_failure = HOST\nflags = NODELAY KEEPALIVE NORETRY\nenv = A=1 B=x=y\npassenv = PATH\ndisable = yes`;
    expect(only(entry(text))).toMatchObject({
      id: "mine",
      name: "ftp",
      isDisabled: true,
      listen: { endpoint: "tcp://[::1]:21", v6Only: true, keepAlive: true, noDelay: true },
      serves: {
        credentials: { user: "nobody", group: "ftp", hasGroups: true },
        passEnvironment: ["PATH"],
        environment: { A: "1", B: "x=y" },
        umask: 0o27,
        nice: -5,
        rlimits: {
          addressSpaceBytes: 8_388_608,
          cpuSeconds: 20,
          dataBytes: 65_536,
          openFiles: 30,
          stackBytes: Number.POSITIVE_INFINITY,
        },
      },
      access: {
        onlyFrom: [{ text: "10.0.0.0/8" }, { kind: "host", text: ".example.org" }],
        noAccess: [{ text: "10.0.0.7" }, { text: "10.0.0.8" }],
        times: [
          { fromMinute: 480, toMinute: 540 },
          { fromMinute: 1050, toMinute: 1439 },
        ],
      },
      limits: {
        instances: 3,
        perSource: Number.POSITIVE_INFINITY,
        connectionsPerSecond: 25,
        restSeconds: 30,
        maxLoad: 2.5,
      },
      log: {
        target: { kind: "file", path: "/var/log/ftp", softBytes: 102_400, hardBytes: 107_520 },
        onSuccess: ["PID", "HOST", "EXIT"],
        onFailure: ["HOST"],
      },
      banners: { always: "/b", onSuccess: "/s", onFailure: "/f" },
    });
  });

  it.each([
    ["flags = IPv4", "tcp://0.0.0.0:21"],
    ["flags = IPv6", "tcp://[::]:21"],
    ["type = UNLISTED\nport = 7007", "tcp://[::]:7007"],
    ["port = 21", "tcp://[::]:21"],
    ["interface = 127.0.0.1", "tcp://127.0.0.1:21"],
    ["bind = localhost", "tcp://localhost:21"],
  ])("with %j listens at %s", (text, endpoint) => {
    expect(only(entry(text)).listen.endpoint).toBe(endpoint);
  });

  it("may be redirected, or be a service of ours, or name its program itself", () => {
    expect(only(entry("redirect = www.example.org http")).serves).toEqual({
      kind: "redirect",
      endpoint: "tcp://www.example.org:80",
    });
    const internal = "type = INTERNAL\nsocket_type = dgram\nprotocol = udp\nwait = yes\n";
    expect(only(`service echo\n{\n${internal}}\n`)).toMatchObject({
      wait: false,
      listen: { endpoint: "udp://[::]:7" },
      serves: { kind: "builtin", service: "echo" },
    });
    expect(only(entry("flags = NAMEINARGS\nserver_args = tcpd -x")).serves).toMatchObject({ argv: ["tcpd", "-x"] });
  });
});

describe("defaults", () => {
  const defaults = `defaults\n{\nlog_type = SYSLOG daemon\nonly_from = 10.0.0.1\nonly_from = 10.0.0.2\nlog_on_success = PID
instances = 4\ndisabled = off\n}\n`;
  const of = (more: string): InetdService => only(defaults + entry(more));

  it("hold for services that say nothing else", () => {
    expect(of("")).toMatchObject({
      access: { onlyFrom: [{ text: "10.0.0.1" }, { text: "10.0.0.2" }] },
      limits: { instances: 4 },
      log: { onSuccess: ["PID"] },
    });
    expect(read(defaults).config.global.log).toEqual({ kind: "syslog", facility: "daemon", level: "info" });
  });

  it("are added to by +=, taken from by -=, and replaced by =", () => {
    const onlyFrom = (more: string): unknown => of(more).access.onlyFrom?.map(({ text }) => text);
    expect(onlyFrom("only_from += 10.0.0.3")).toEqual(["10.0.0.1", "10.0.0.2", "10.0.0.3"]);
    expect(onlyFrom("only_from -= 10.0.0.1")).toEqual(["10.0.0.2"]);
    expect(onlyFrom("only_from = 10.0.0.3\nonly_from = 10.0.0.4")).toEqual(["10.0.0.3", "10.0.0.4"]);
    expect(onlyFrom("only_from =")).toEqual([]);
  });

  it("switch services off by their ids", () => {
    expect(of("id = off").isDisabled).toBe(true);
    expect(only(`defaults\n{\nenabled = other\n}\n${entry("")}`).isDisabled).toBe(true);
  });

  it("that are wrong keep everything from being served: they may have been what keeps strangers out", () => {
    for (const wrong of ["only_from = 300.1.1.1", "only_from=10.0.0.1"]) {
      const { config, problems } = read(`defaults\n{\n${wrong}\n}\n${entry("")}`);
      expect(config.services).toEqual([]);
      expect(problems.map(({ origin }) => origin.line)).toEqual([3, 1]);
    }
  });
});

describe("included files", () => {
  it("are read with their own lines, in the order of their names, without those with dots and tildes", () => {
    const { config, problems } = read("includedir /d\n");
    expect(config.services.map(({ id, origin }) => [id, origin])).toEqual([["a", { file: "/d/a", line: 1 }]]);
    expect(problems).toMatchObject([{ origin: { file: "/d/b", line: 1 }, severity: "error" }]);
  });

  it("may be missing, or include themselves", () => {
    const { problems } = read("include /none\nincludedir /none\ninclude /loop\ninclude\n");
    expect(problems.map(({ message }) => message)).toEqual([
      "the file cannot be included: there is no /none",
      "the folder cannot be included: there is no /none",
      expect.stringContaining("does it include itself?"),
      "include takes one path",
    ]);
  });
});

describe("what is wrong is told by its line", () => {
  it.each([
    ["frobnicate = 3", "warning", 'there is no attribute "frobnicate"'],
    ["user = root", "warning", "user has been said already"],
    ["instances += 3", "warning", "+= cannot be said of instances"],
    ["cps = 10", "warning", "cps takes 2 values, not 1"],
    ["disabled = x", "warning", "disabled does not belong into a service"],
    ["rlimit_rss = 4K", "warning", "rlimit_rss has no effect here"],
    ["only_from = 300.1.1.1", "error", "only_from:"],
    ["access_times = 9:00-25:00", "error", "access_times:"],
    ["flags = WHATEVER", "error", 'flags: "WHATEVER" is none of'],
    ["env -= X=3", "error", "-= cannot be said of env"],
    ["umask = 999", "error", "umask:"],
    ["nice = many", "error", "nice:"],
    ["log_type = SYSLOG nonsense", "error", "log_type:"],
    ["log_type = FILE x", "error", "log_type:"],
    ["log_type = FILE /x 100 50", "error", "hard limit"],
    ["rlimit_as = 8G", "error", "rlimit_as:"],
    ["flags=IPv4", "error", "put a blank before"],
    ["banner", "error", "is no attribute"],
  ])("%s", (line, severity, said) => {
    const { config, problems } = read(entry(line));
    expect(problems).toHaveLength(1);
    const { message, cure = "", origin } = problems[0] as (typeof problems)[0];
    expect({ severity: problems[0]?.severity, line: origin.line }).toEqual({ severity, line: 7 });
    expect(`${message} ${cure}`).toContain(said);
    expect(config.services).toHaveLength(severity === "error" ? 0 : 1);
  });

  it.each([
    ["type = RPC", "RPC"],
    ["type = INTERNAL", "no built-in service"],
    ["port = 22", "has port 21, not 22"],
    ["port = 70000", "no port"],
    ["protocol = udp", "udp has no sockets of type stream"],
    ["flags = SENSOR", "SENSOR"],
    ["flags = IPv4\nbind = ::1", "::1 is no address of IPv4"],
    ["bind = 300.1.1.1", "300.1.1.1"],
    ["redirect = 10.0.0.1 nobodyknows", "nobodyknows"],
    ["flags = NAMEINARGS", "NAMEINARGS"],
  ])("%s, of the whole entry", (text, said) => {
    const { config, problems } = read(entry(text));
    expect(config.services).toEqual([]);
    expect(problems[0]).toMatchObject({ severity: "error", origin: { line: 1 } });
    expect(problems[0]?.message).toContain(said);
  });

  it("names what an entry cannot be without", () => {
    expect(read("service ftp\n{\nport = 21\n}\n").problems[0]?.message).toContain(
      "no socket_type, no wait, no user, no server",
    );
  });

  it.each([
    ["service ftp {\n}\n", "put the { on a line of its own"],
    ["service\n{\n}\n", "write service NAME"],
    ["service ftp\nsocket_type = stream\n", "put it on a line of its own"],
    ["service ftp\n{\n", "put a } on a line"],
    ["}\n", "begins no entry"],
  ])("%j", (text, said) => {
    const [first] = read(text).problems;
    expect(`${first?.message} ${first?.cure}`).toContain(said);
  });

  it("is a warning where the service is switched off", () => {
    expect(read(entry("disable = yes\nnice = many")).problems).toMatchObject([{ severity: "warning" }]);
  });
});

describe("anything", () => {
  const words = fc.constantFrom(
    ...Object.keys(ATTRIBUTES),
    "=",
    "+=",
    "-=",
    "{",
    "}",
    "\n",
    "\nservice",
    "\ndefaults\n{\n",
    "include",
    "/loop",
    "ftp",
    "stream",
    "no",
    "/bin/cat",
    "10.{1,2}",
    "8:00-9:00",
    "UNLIMITED",
    "7",
    "__proto__",
  );
  const noise = fc.oneof(
    fc.string({ unit: "binary" }),
    fc.array(fc.oneof(words, fc.string()), { maxLength: 60 }).map((list) => list.join(" ")),
    fc
      .array(fc.tuple(fc.constantFrom(...Object.keys(ATTRIBUTES)), fc.string()), { maxLength: 20 })
      .map((list) => entry(list.map(([name, value]) => `${name} = ${value}`).join("\n"))),
  );
  it("is never thrown at the caller", () => {
    fc.assert(
      fc.property(noise, (text) => {
        const { config } = read(text);
        const ids = config.services.map(({ id }) => id);
        expect(new Set(ids).size).toBe(ids.length);
      }),
    );
  });
});
