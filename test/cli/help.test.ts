/** What the command says of itself, and of a command line that cannot be meant so. */
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { portolan, root, shell } from "./portolan.ts";

const USAGE = 64;

describe("portolan", () => {
  it.each([["--version"], ["-V"]])("%s prints the version of package.json", async (flag) => {
    const { version } = JSON.parse(readFileSync(`${root}package.json`, "utf8")) as { version: string };
    expect(await portolan([flag])).toMatchObject({ status: 0, stdout: `${version}\n`, stderr: "" });
  });

  it.each([[["--help"]], [["-h"]], [["help"]]])("%j lists the verbs, with examples", async (args) => {
    const { status, stdout, stderr } = await portolan(args);
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    for (const verb of ["up", "serve", "designs", "call", "services"]) {
      expect(stdout).toMatch(new RegExp(`^ {2}${verb} {2}`, "m"));
    }
    expect(stdout).toContain("Examples:");
  });

  it("fits its help into 80 columns, but for commands to paste", async () => {
    for (const args of [["--help"], ["up", "--help"], ["serve", "--help"], ["call", "echo", "--help"]]) {
      const { stdout } = await portolan(args);
      const [text = ""] = stdout.split("Examples:");
      expect(text.split("\n").filter((line) => line.length > 80)).toEqual([]);
    }
  });

  it("without arguments, shows its help as the answer to a mistake", async () => {
    const { status, stdout, stderr } = await portolan([]);
    expect({ status, stdout }).toEqual({ status: USAGE, stdout: "" });
    expect(stderr).toContain("Usage: portolan");
  });

  it.each([["up"], ["serve"], ["designs"], ["call"], ["services"]])("%s has its own help", async (verb) => {
    const long = await portolan([verb, "--help"]);
    expect(long).toMatchObject({ status: 0, stderr: "" });
    expect(long.stdout).toContain(`Usage: portolan ${verb}`);
    expect(await portolan(["help", verb])).toEqual(long);
  });

  it.each([
    [["help", "call", "echo"], "Usage: portolan call echo "],
    [["help", "inetd", "check"], "Usage: portolan inetd check "],
    [["inetd", "help", "check"], "Usage: portolan inetd check "],
    [["inetd", "help"], "Usage: portolan inetd "],
    [["bench", "help", "designs"], "Usage: portolan bench designs "],
  ])("%j is the help of that command", async (args, usage) => {
    const { status, stdout, stderr } = await portolan(args);
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    expect(stdout.startsWith(usage), stdout).toBe(true);
  });

  it.each([
    [["sreve"], 'portolan: there is no verb "sreve"; did you mean serve?'],
    [["help", "sreve"], 'portolan: there is no verb "sreve"; did you mean serve?'],
    [["help", "inetd", "chek"], 'portolan inetd: there is no command "chek"; did you mean check?'],
    [["xyzzy"], /^portolan: there is no verb "xyzzy"; there are: up, serve, /],
    [["--jsn"], "portolan: unknown option '--jsn'; see portolan --help"],
    [["services", "--jsn"], "portolan services: unknown option '--jsn'; did you mean --json?"],
    [
      ["services", "echo"],
      "portolan services: too many arguments for 'services': it takes 0, not 1; see portolan services --help",
    ],
    [["inetd", "chek", "x.conf"], 'portolan inetd: there is no command "chek"; did you mean check?'],
    [["bench", "xyzzy"], 'portolan bench: there is no command "xyzzy"; there are: designs'],
    [["addr", "bnd"], 'portolan addr: there is no command "bnd"; did you mean bind?'],
    [["addr", "convert"], "portolan addr: missing required argument 'address'; see portolan addr convert --help"],
    [["call", "echo", "--xyzzy"], "portolan call: unknown option '--xyzzy'; see portolan call echo --help"],
    [["serve"], /^portolan serve: missing required argument 'name'; see portolan serve --help$/],
    [["serve", "ehco"], 'portolan serve: there is no service "ehco"; did you mean echo?'],
    [["serve", "echo", "--design", "epol"], 'portolan serve: there is no design "epol"; did you mean epoll?'],
    [["up", "--only", "echo,xyzzy"], /^portolan up: there is no service "xyzzy"; there are: (.+, )?echo(,|$)/],
    [["up", "--only", ","], 'portolan up: --only takes names of services, separated by commas, not ","'],
    [["up", "--port-offset", "x"], 'portolan up: --port-offset takes a whole number from 0 to 65535, not "x"'],
    [["up", "--only", "echo", "--port-offset", "65000"], /^portolan up: port 72007 of "tcp:.*" is above 65535/],
    [["up", "--host", "256.0.0.1"], /^portolan up: host "256\.0\.0\.1" of ".*" is no IPv4 address/],
    [["serve", "echo", "--listen", "tcp://127.0.0.1:70000"], /^portolan serve: port 70000 of .* is above 65535/],
    [["serve", "echo", "--listen", "tcp://256.0.0.1:0"], /^portolan serve: host "256\.0\.0\.1" .* is no IPv4 address/],
    [["serve", "echo", "--listen", "127.0.0.1:0"], / has no scheme; .*, such as tcp:\/\/127\.0\.0\.1:0$/],
    [["serve", "echo", "--listen", "./x.sock"], / has no scheme; .*, such as unix:\/\/\.\/x\.sock$/],
    [["serve", "echo", "--listen", `unix:///${"x".repeat(200)}`], /sun_path has room for 107/],
    [
      ["serve", "echo", "--limit", "maxConections=1"],
      /there is no limit "maxConections"; did you mean maxConnections\?$/,
    ],
    [
      ["serve", "truncate", "--listen", "tcp://127.0.0.1:0"],
      "portolan serve: truncate is spoken over udp, not tcp: give udp://127.0.0.1:5678, for example",
    ],
    [
      ["call", "squares", "udp://127.0.0.1:5055"],
      "portolan call: squares is spoken over tcp and unix, not udp: give tcp://127.0.0.1:5055, for example",
    ],
    [["serve", "echo", "--option", "rate=x"], 'portolan serve: rate is a whole number from 0 to 1000000000, not "x"'],
    [
      ["serve", "echo", "--option", "x=y"],
      'portolan serve: echo: there is no option "x"; there are: rate, burst, limitLoopback',
    ],
    [["serve", "echo", "--limit", "maxConnections"], /^portolan serve: --limit takes name=number/],
    [
      ["serve", "echo", "--limit", "maxConnections=0"],
      /limit maxConnections must be a whole number of at least 1, not 0$/,
    ],
    [["serve", "echo", "--max-connections", "0"], /--max-connections takes a whole number from 1 to 2147483647/],
    [["serve", "echo", "--idle-timeout", "5x"], /--idle-timeout takes seconds from 0 to .*such as 500ms, 30s or 5m/],
    [["up", "--max-buffered", "64K"], /--max-buffered takes a size from 1 to .*such as 512, 4k or 1M, not "64K"/],
    [
      ["serve", "echo", "--idle-timeout", "1s", "--limit", "idleMs=1"],
      "portolan serve: --idle-timeout and --limit idleMs are the same; one will do",
    ],
    [["serve", "echo", "--grace", "-1"], /--grace takes seconds from 0 to 86400/],
    [["serve", "echo", "--design", "iterative", "--in-node"], /iterative design blocks its thread/],
    [["completion", "ksh"], 'portolan completion: there is no shell "ksh"; did you mean zsh?'],
    [["call"], /^portolan call: which service\? There are: (.+, )?echo(,|$)/],
    [["call", "ehco"], 'portolan call: there is no service "ehco"; did you mean echo?'],
    [["call", "echo", "tcp://127.0.0.1:70000"], /^portolan call: port 70000 of .* is above 65535/],
    [["call", "echo", "tcp://256.0.0.1:7"], /^portolan call: host "256\.0\.0\.1" .* is no IPv4 address/],
    [["call", "echo", "--message", "x", "--count", "0"], /--count takes a whole number from 1/],
    [["call", "echo", "--count", "2"], /--count says how often to send --message, which is missing$/],
    [["call", "echo", "--timeout", "soon"], /--timeout takes seconds/],
  ])("%j is refused in one line, with EX_USAGE", async (args, message) => {
    const { status, stdout, stderr } = await portolan(args);
    expect({ status, stdout }).toEqual({ status: USAGE, stdout: "" });
    expect(stderr.trimEnd().split("\n")).toEqual([
      typeof message === "string" ? message : expect.stringMatching(message),
    ]);
  });

  it("shows where an error came from only if asked to", async () => {
    const args = ["call", "echo", "tcp://256.0.0.1:7"];
    expect((await portolan(args)).stderr).not.toMatch(/\n +at /);
    expect((await portolan(args, { environment: { PORTOLAN_DEBUG: "1" } })).stderr).toMatch(/\n +at /);
  });

  it("goes quietly when nobody reads its output", async () => {
    const { stderr } = await shell(`${process.execPath} dist/cli/main.js services | true`);
    expect(stderr).toBe("");
  });

  it("goes as quietly in the middle of a lesson", async () => {
    const { stdout, stderr } = await shell(
      `{ ${process.execPath} dist/cli/main.js demo zombies; echo $? >&2; } | head -n 1`,
    );
    expect(stdout.split("\n")).toHaveLength(2);
    expect(stderr).toBe("141\n");
  });

  it("says so, and ends with EX_IOERR, where its output cannot be written", async () => {
    const IOERR = 74;
    const { status, stderr } = await shell(`${process.execPath} dist/cli/main.js services >/dev/full`);
    expect({ status, stderr }).toEqual({
      status: IOERR,
      stderr: "portolan: standard output cannot be written: No space left on device (ENOSPC)\n",
    });
  });
});

describe("portolan services", () => {
  it("lists echo with what to type, for people and for machines", async () => {
    const text = await portolan(["services"]);
    expect(text).toMatchObject({ status: 0, stderr: "" });
    expect(text.stdout).toContain("printf 'hello\\n' | nc -N 127.0.0.1 7007");
    expect(text.stdout).toContain("printf 'hello\\n' | socat - UDP:127.0.0.1:7007");
    const json = await portolan(["services", "--json"]);
    const services = json.stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as unknown);
    expect(services).toContainEqual({
      name: "echo",
      summary: "sends back whatever it is sent",
      specification: "RFC 862",
      port: 7,
      defaultPort: 7007,
      transports: ["tcp", "udp", "unix"],
      serve: "node dist/cli/main.js serve echo",
      demo: "node dist/cli/main.js demo echo",
      try: expect.arrayContaining([
        expect.objectContaining({ program: "nc", command: "printf 'hello\\n' | nc -N 127.0.0.1 7007" }),
        expect.objectContaining({
          program: "portolan",
          command: "node dist/cli/main.js call echo udp://127.0.0.1:7007 --message hello",
          installed: true,
        }),
      ]),
    });
  });
});

describe("portolan designs", () => {
  it("lists the designs, for people and for machines", async () => {
    const { stdout } = await portolan(["designs"]);
    const json = await portolan(["designs", "--json"]);
    const designs = json.stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as { name: string; cost: string; suits: string; maxWorkers: number });
    expect(designs.map(({ name }) => name)).toEqual(expect.arrayContaining(["epoll", "iterative"]));
    for (const { name, cost, suits } of designs) {
      expect(stdout).toMatch(new RegExp(`^${name} `, "m"));
      expect(stdout).toContain(`\n${name}\n  costs:   ${cost}\n  use for: ${suits}\n`);
    }
    expect(designs.find(({ name }) => name === "epoll")?.maxWorkers).toBeGreaterThan(1);
    expect(designs.find(({ name }) => name === "iterative")?.maxWorkers).toBe(1);
  });

  it("keeps colours out of what is no terminal", async () => {
    expect((await portolan(["designs"])).stdout).not.toContain("\x1b");
  });
});
