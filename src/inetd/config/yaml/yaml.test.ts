import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { InetdConfig, InetdService, ReadConfig } from "../../model.ts";
import { DEFAULT_GLOBAL, DEFAULT_SERVICE_LIMITS } from "../../model.ts";
import { network, parsePattern } from "../addresses.ts";
import { parseClassic } from "../classic.ts";
import { completeProgram, completeService, NOBODY } from "../draft.ts";
import type { ConfigWorld } from "../world.ts";
import { parseXinetd } from "../xinetd/xinetd.ts";
import { formatYaml } from "./emit.ts";
import { CONFIG_SCHEMA } from "./schema.ts";
import { parseYaml } from "./yaml.ts";

const world: ConfigWorld = { port: () => 7007, hasIPv6: true, readFile: () => "", listFolder: () => [] };
const read = (text: string): ReadConfig => parseYaml(text, "inetd.yaml");
function only(text: string): InetdService {
  const { config, problems } = read(text);
  expect(problems).toEqual([]);
  expect(config.services).toHaveLength(1);
  return config.services[0] as InetdService;
}
/** A service whose lines are these. */
const service = (...lines: string[]): string => `services:\n  x:\n${lines.map((line) => `    ${line}\n`).join("")}`;
/** As a reader of another file would have it. */
function elsewhere(config: InetdConfig): InetdConfig {
  const origin = { file: "", line: 0 };
  return { ...config, services: config.services.map((one) => ({ ...one, origin })) };
}

describe("a service in YAML", () => {
  it("is a program, with the socket as its standard input and output", () => {
    expect(only(service("listen: tcp://127.0.0.1:7013", "program: /bin/date", "arguments: [-u]"))).toEqual(
      completeService({
        id: "x",
        name: "x",
        origin: { file: "inetd.yaml", line: 2 },
        listen: { type: "stream", endpoint: "tcp://127.0.0.1:7013" },
        serves: completeProgram({ path: "/bin/date", argv: ["date", "-u"] }),
      }),
    );
  });

  it.each([
    ["tcp://[::1]:7007", "stream"],
    ["udp://0.0.0.0:7007", "dgram"],
    ["unix:///run/x.sock", "stream"],
    ["unix+dgram://@x", "dgram"],
    ["unix+seqpacket:///run/x.sock", "seqpacket"],
  ])("listens at %s", (endpoint, type) => {
    expect(only(service(`listen: ${endpoint}`, "program: /bin/cat")).listen).toMatchObject({ endpoint, type });
  });

  it("has sockets that the super-server is started with, and hands them on", () => {
    const text = service(
      "socket: web",
      "type: seqpacket",
      "program: /bin/cat",
      "activation: true",
      "errorsTo: stderr",
      'mode: "0660"',
    );
    expect(only(text)).toMatchObject({
      listen: { endpoint: undefined, activatedName: "web", type: "seqpacket", mode: 0o660 },
      serves: { activation: true, isErrorToSocket: false },
    });
  });

  it("is redirected, or a service of ours with its options and design", () => {
    expect(only(service("listen: tcp://127.0.0.1:1", "redirect: tcp://www.example.org:80")).serves).toEqual({
      kind: "redirect",
      endpoint: "tcp://www.example.org:80",
    });
    const builtin = service(
      "listen: tcp://127.0.0.1:1",
      "builtin: daytime",
      "options: {form: smtp}",
      "design: process",
    );
    expect(read(builtin).problems).toEqual([]);
    expect(only(builtin).serves).toEqual({
      kind: "builtin",
      service: "daytime",
      options: { form: "smtp" },
      design: "process",
    });
  });

  it("has limits, rules and records", () => {
    const text = service(
      "listen: tcp://127.0.0.1:1",
      "program: /bin/cat",
      "limits: {instances: unlimited, maxLoad: 2.5}",
      "rlimits: {addressSpace: 8M, openFiles: 30, stack: unlimited}",
      "access: {onlyFrom: [10.0.0.0/8], noAccess: [.example.org], times: ['8:30-17:00']}",
      "log: {to: {syslog: daemon}, onSuccess: [PID]}",
      'umask: "027"',
    );
    expect(only(text)).toMatchObject({
      limits: { ...DEFAULT_SERVICE_LIMITS, instances: Number.POSITIVE_INFINITY, maxLoad: 2.5 },
      serves: {
        umask: 0o27,
        rlimits: { addressSpaceBytes: 8_388_608, openFiles: 30, stackBytes: Number.POSITIVE_INFINITY },
      },
      access: {
        onlyFrom: [parsePattern("10.0.0.0/8")],
        noAccess: [{ kind: "host" }],
        times: [{ fromMinute: 510, toMinute: 1020 }],
      },
      log: { target: { kind: "syslog", facility: "daemon", level: "info" }, onSuccess: ["PID"], onFailure: [] },
    });
  });

  it("may be JSON, and may repeat what it has by aliases", () => {
    expect(only('{"services": {"x": {"listen": "tcp://127.0.0.1:1", "program": "/bin/cat"}}}').id).toBe("x");
    const { config } =
      read(`services:\n  a: {listen: "tcp://127.0.0.1:1", program: /bin/cat, access: &rules {onlyFrom: [10.0.0.1]}}
  b: {listen: "tcp://127.0.0.1:2", program: /bin/cat, access: *rules}\n`);
    expect(config.services.map(({ access }) => access.onlyFrom?.[0]?.text)).toEqual(["10.0.0.1", "10.0.0.1"]);
  });
});

describe("what is wrong is told by its line, and the other services count", () => {
  const good = "  good: {listen: 'tcp://127.0.0.1:1', program: /bin/cat}\n";
  it.each([
    [["listn: tcp://127.0.0.1:2", "program: /bin/cat"], 3, 'has no "listn"; did you mean listen?'],
    [["listen: tcp://127.0.0.1:2", "program: /bin/cat", "umask: 022"], 5, "services.x.umask is 22, not a text"],
    [["listen: tcp://127.0.0.1:2", "program: /bin/cat", "wait: yes"], 5, "write true"],
    [["listen: tcp://127.0.0.1:2", "program: /bin/cat", "nice: 40"], 5, "from -20 to 19"],
    [["listen: tcp://127.0.0.1:2", "program: /bin/cat", "limits:", "  instances: -1"], 6, "a whole number from 0 on"],
    [["listen: tcp://127.0.0.1:2", "program: /bin/cat", "rlimits: {data: 8X}"], 5, "services.x.rlimits.data"],
    [["listen: tcp://127.0.0.1:2", "program: cat"], 4, "services.x.program"],
    [["listen: tcp://127.0.0.1:2"], 2, "nothing that answers"],
    [["listen: tcp://127.0.0.1:2", "program: /bin/cat", "builtin: echo"], 5, "both program and builtin"],
    [["listen: tcp://127.0.0.1:2", "builtin: echo", "nice: 3"], 5, "no meaning where builtin"],
    [["listen: tcp://127.0.0.1:2", "builtin: ehco"], 4, "services.x.builtin"],
    [["listen: tcp://127.0.0.1:2", "builtin: echo", "design: epol"], 5, "there is no server design"],
    [["listen: tcp://127.0.0.1:2", "design: pool", "builtin: echo", "limits: { maxLoad: 3 }"], 4, "hold: maxLoad"],
    [["listen: tcp://127.0.0.1:2", "builtin: daytime", "options: {nonsense: 3}"], 5, "the options of daytime"],
    [["listen: udp://127.0.0.1:2", "redirect: tcp://127.0.0.1:3"], 4, "only streams"],
    [["listen: tcp://127.0.0.1:2", "redirect: nowhere"], 4, "has no scheme"],
    [["listen: tcp://300.0.0.1:2", "program: /bin/cat"], 3, "no IPv4 address"],
    [["listen: tcp://127.0.0.1:2", "socket: x", "program: /bin/cat"], 4, "both listen and socket"],
    [
      [
        "listen: tcp://127.0.0.1:2",
        "program: /bin/cat",
        "access:",
        "  onlyFrom:",
        "    - 10.0.0.1",
        "    - 10.0.0.0/99",
      ],
      8,
      "onlyFrom:",
    ],
    [["listen: tcp://127.0.0.1:2", "program: /bin/cat", "access: {times: ['9:00-8:00']}"], 5, "times:"],
    [["listen: tcp://127.0.0.1:1", "program: /bin/cat"], 2, ""],
  ])("%j", (lines, line, said) => {
    const { config, problems } = read(`${service(...lines)}${good}`);
    if (said === "") {
      // Two at one place: the second is left out.
      expect(problems).toMatchObject([
        { origin: { line: 5 }, message: expect.stringContaining("which x has already") },
      ]);
      return;
    }
    expect(config.services.map(({ id }) => id)).toEqual(["good"]);
    expect(problems).toHaveLength(1);
    const [{ message, cure, origin }] = problems as [(typeof problems)[0]];
    expect(`${message}; ${cure}`).toContain(said);
    expect(origin.line).toBe(line);
  });

  it.each([
    ["services: [", 1, "no YAML"],
    ["services: {}\nservices: {}", 2, "is there twice"],
    ["log: none", 1, "the file has no services"],
    ["services: []", 1, "services is a list, not a map"],
    ["- a", 1, "the file is a list, not a map"],
    ["", 1, "the file is null"],
    ["services: {}\nlog: {fil: /x}", 2, "log is a map, not one of stderr, none, or a map"],
    ["services: {}\nextra: 3", 2, 'the file has no "extra"'],
    ["services: {}\nlog: &a [*a]", 2, "nested"],
    [`services: {}\nlog: ${"[".repeat(200)}${"]".repeat(200)}`, 2, "nested"],
  ])("%j", (text, line, said) => {
    const { config, problems } = read(text);
    expect(config.services).toEqual([]);
    expect(problems[0]?.message).toContain(said);
    expect(problems[0]?.origin.line).toBe(line);
  });

  it.each(["[", "{a: ", "- ", "? ", '{"a":'])("is not brought down by a text of 20,000 times %j", (opening) => {
    const { problems } = read(`services: {}\n${opening.repeat(20_000)}`);
    expect(problems).toMatchObject([{ origin: { line: 2 }, message: "values are nested more than 32 deep" }]);
  });

  it("does not follow aliases for ever", () => {
    const lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"];
    for (let i = 1; i < 9; i++)
      lines.push(
        `a${i}: &a${i} [${Array(10)
          .fill(`*a${i - 1}`)
          .join(", ")}]`,
      );
    expect(read(lines.join("\n")).problems[0]?.message).toContain("more than 200000 values");
  });
});

describe("what is written reads back to the same", () => {
  const same = (config: InetdConfig): void => {
    for (const form of ["yaml", "json"] as const) {
      const back = read(formatYaml(config, { form, origins: true }));
      expect(back.problems).toEqual([]);
      expect(elsewhere(back.config)).toEqual(elsewhere(config));
    }
  };

  it("from the classic form, and from xinetd's", () => {
    same(
      parseClassic(
        "7007 stream tcp nowait.40 nobody.tty /bin/cat kitten -u\necho dgram udp wait root internal\n",
        "f",
        world,
      ).config,
    );
    const text = `defaults\n{\nlog_type = FILE /var/log/x 100K\n}\nservice echo\n{\nsocket_type = stream\nwait = yes\nuser = nobody
server = /bin/cat\ninstances = UNLIMITED\nonly_from =\nenv = A=B\npassenv =\nrlimit_as = 8M\numask = 7\n}\n`;
    const { config, problems } = parseXinetd(text, "f", world);
    expect(problems).toEqual([]);
    expect(config.services).toHaveLength(1);
    same(config);
  });

  const text = fc.string({ unit: "grapheme", maxLength: 12 }).map((some) => some.replaceAll("\0", ""));
  const path = text.map((some) => `/${some}`);
  const maybe = <Item>(arbitrary: fc.Arbitrary<Item>): fc.Arbitrary<Item | undefined> =>
    fc.option(arbitrary, { nil: undefined });
  const count = fc.oneof(fc.integer({ min: 1, max: 1e9 }), fc.constant(Number.POSITIVE_INFINITY));
  const pattern = fc.oneof(
    fc.constantFrom("gateway", ".example.org", "::1", "10.0.0.0/8").map(parsePattern),
    fc.tuple(fc.uint8Array({ minLength: 4, maxLength: 4 }), fc.nat(32)).map(([bytes, bits]) => network(bytes, bits)),
  );
  const times = fc
    .tuple(fc.nat(1439), fc.nat(1439))
    .map(([a, b]) => ({ fromMinute: Math.min(a, b), toMinute: Math.max(a, b) }));
  const target = fc.oneof(
    fc.constantFrom(
      { kind: "stderr" } as const,
      { kind: "none" } as const,
      { kind: "syslog", facility: "daemon", level: "err" } as const,
    ),
    path.map((file) => ({ kind: "file", path: file, softBytes: 100 }) as const),
  );
  const program = fc
    .record({
      path,
      argv: fc.array(text, { minLength: 1, maxLength: 4 }),
      user: maybe(text),
      groups: fc.constantFrom({ hasGroups: false }, { hasGroups: true }, { hasGroups: true, isOwnGroupLeft: true }),
      directory: maybe(path),
      root: maybe(path),
      passEnvironment: maybe(fc.array(text, { maxLength: 3 })),
      environment: fc.dictionary(text, text, { maxKeys: 3 }),
      umask: maybe(fc.nat(0o777)),
      nice: maybe(fc.integer({ min: -20, max: 19 })),
      rlimits: fc.record({ openFiles: count, stackBytes: count }, { requiredKeys: [] }),
      activation: fc.boolean(),
      isErrorToSocket: fc.boolean(),
    })
    .map(({ user, groups, ...rest }) => completeProgram({ ...rest, credentials: { ...NOBODY, user, ...groups } }));
  const serves = fc.oneof(
    program,
    fc.constant({ kind: "redirect", endpoint: "tcp://www.example.org:80" } as const),
    fc.constant({ kind: "builtin", service: "echo", options: null, design: undefined } as const),
  );
  const one = fc
    .record({
      name: text,
      isDisabled: fc.boolean(),
      wait: fc.boolean(),
      serves,
      backlog: fc.nat(65_535),
      v6Only: maybe(fc.boolean()),
      mode: maybe(fc.nat(0o777)),
      access: fc.record({
        onlyFrom: maybe(fc.array(pattern, { maxLength: 3 })),
        noAccess: fc.array(pattern, { maxLength: 3 }),
        times: fc.array(times, { maxLength: 2 }),
      }),
      limits: fc.record({
        instances: count,
        perSource: count,
        connectionsPerSecond: count,
        connectionsPerMinute: count,
        restSeconds: fc.integer({ min: 1, max: 1e6 }),
        maxLoad: maybe(fc.double({ min: 0, max: 1e6, noNaN: true }).map(Math.abs)),
        failures: count,
      }),
      log: fc.record({
        target: maybe(target),
        onSuccess: fc.subarray(["PID", "HOST", "EXIT"] as const),
        onFailure: fc.subarray(["HOST", "ATTEMPT"] as const),
      }),
      banners: fc.record({ always: maybe(path), onSuccess: maybe(path), onFailure: maybe(path) }),
    })
    .map(({ backlog, v6Only, mode, ...rest }) => ({
      ...rest,
      wait: rest.wait && rest.serves.kind === "program",
      listen: { backlog, v6Only, mode },
    }));
  const config: fc.Arbitrary<InetdConfig> = fc
    .tuple(
      fc.uniqueArray(fc.tuple(text, one), { maxLength: 4, selector: ([id]) => id }),
      target,
      fc.integer({ min: 1, max: 1e6 }),
    )
    .map(([list, log, maxInstances]) => ({
      global: { log, maxInstances },
      services: list.map(([id, { listen, ...rest }], index) =>
        completeService({
          ...rest,
          id,
          origin: { file: "a\nb", line: 1 },
          listen: { ...listen, type: "stream", endpoint: `tcp://127.0.0.1:${index + 1}` },
        }),
      ),
    }));

  it("from any configuration", () => {
    fc.assert(fc.property(config, same), { numRuns: 50 });
  });
});

describe("anything", () => {
  const words = fc.constantFrom(
    "services:",
    "log:",
    "x:",
    "listen:",
    "tcp://127.0.0.1:1",
    "program:",
    "/bin/cat",
    "\n  ",
    "\n    ",
    "&a",
    "*a",
    "<<:",
    "!!x",
    "?",
    "- ",
    "{",
    "}",
    "[",
    "]",
    "|",
    '"',
    "'",
    "%YAML 1.2",
    "---",
  );
  it("is never thrown at the caller", () => {
    const noise = fc.oneof(
      fc.string({ unit: "binary" }),
      fc.array(fc.oneof(words, fc.string())).map((list) => list.join(" ")),
    );
    fc.assert(fc.property(noise, (text) => void read(text)));
    const anyService = fc.json().map((json) => `services: {x: ${json}}`);
    fc.assert(fc.property(fc.oneof(fc.json(), anyService), (text) => void read(text)));
  });
});

describe("share/inetd.schema.json", () => {
  it("is what the reader checks", () => {
    const shipped = readFileSync(new URL("../../../../share/inetd.schema.json", import.meta.url), "utf8");
    expect(JSON.parse(shipped)).toEqual(JSON.parse(JSON.stringify(CONFIG_SCHEMA)));
    expect(DEFAULT_GLOBAL.maxInstances).toBe(1024);
  });
});
