/**
 * Our reader of xinetd's form against xinetd: of a file with an entry for each case, both serve the same services, at the
 * same addresses. xinetd has a network namespace of its own, so that it can have every port.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type ConfigProblem, checkHost, parseConfig } from "portolan/inetd";
import { describe, expect, it } from "vitest";
import { namespaceRefusal } from "../support/namespace.ts";
import { needsProgram } from "../support/programs.ts";
import { until } from "../support/until.ts";

/** What is added to a service that is in order, or said in place of one of its lines. */
const CASES: readonly string[] = [
  "",
  "frobnicate = 3",
  "wait = maybe",
  "wait = yes",
  "wait",
  "user = no-such-user",
  "group = no-such-group",
  "group = root",
  "server = /no/such/program",
  "server = cat",
  "server = /bin/cat -u",
  'server_args = -u "a b"',
  "instances += 3",
  "instances = -3",
  "instances = 0",
  "instances = UNLIMITED",
  "access_times = 9:00-25:00",
  "access_times = 9:00-8:00",
  "access_times = 8:00-9:00 17:00-23:59",
  "flags = WHATEVER",
  "flags=IPv4",
  "flags = IPv4",
  "flags = IPv6",
  "flags = IPv4 # a comment",
  "flags = NAMEINARGS",
  "flags = NAMEINARGS\nserver_args = cat",
  "flags = NODELAY KEEPALIVE REUSE NORETRY NOLIBWRAP",
  "v6only = yes",
  "bind = 127.0.0.1",
  "bind = ::1",
  "interface = 127.0.0.1",
  "cps = 10",
  "cps = x 20",
  "cps = 10 20\nmax_load = 2.5\nper_source = UNLIMITED\nnice = -5\ngroups = yes\numask = 022",
  "per_source = x",
  "max_load = x",
  "groups = x",
  "umask = 999",
  "nice = many",
  "rlimit_as = 8M\nrlimit_cpu = 20\nrlimit_files = 100\nrlimit_data = UNLIMITED\nrlimit_rss = 4K\nrlimit_stack = 1M",
  "rlimit_as = 8G",
  "env = A=1 B=2\nenv += C=3\npassenv = PATH\npassenv += HOME",
  "env = A",
  "env -= A=3",
  "only_from =",
  "only_from = 10.0.0.{1,2,3} 10.0.{1,2} 10.0.0.0 10.0.0.0/8 ::1/64 fe80::1 localhost",
  "no_access = 10.0.0.1\nno_access += 10.0.0.2\nno_access -= 10.0.0.1",
  "log_on_success = PID HOST\nlog_on_success -= PID\nlog_on_failure = HOST ATTEMPT",
  "log_on_success = WHAT",
  "log_type = SYSLOG daemon",
  "log_type = SYSLOG nonsense",
  "log_type = SYSLOG daemon nonsense",
  "log_type = FILE /dev/null 100 50",
  "disable = maybe",
  "disable = yes",
  "redirect = 127.0.0.1 80",
  "redirect = 127.0.0.1 80\nwait = yes",
  "redirect = 127.0.0.1",
  "banner",
  "banner ~ /x",
  "banner = /etc/passwd\nbanner_success = /etc/passwd\nbanner_fail = /etc/passwd",
  "type =",
  "type = INTERNAL UNLISTED",
  "type = NONSENSE",
  "socket_type = dgram\nprotocol = udp\nwait = yes",
  "socket_type = nonsense",
  "protocol = udp",
  "id = another",
  "disable = No",
  "wait = NO",
  "socket_type = STREAM",
  "type = unlisted",
  "protocol = TCP",
  "flags = ipv4",
  "instances = unlimited",
  "log_on_success = pid host",
  "log_type = syslog DAEMON Notice",
  "rlimit_as = 1k\nrlimit_data = 1m",
  "nice = +5",
  "max_load = .5",
  "max_load = 5.",
  "access_times =",
];

/** What stands between the entries, and takes part in none. */
const SEPARATE = `SERVICE upper-case
{
	type = UNLISTED
	protocol = tcp
	wait = no
	user = root
	server = /bin/cat
	port = 20990
}
# no name, and so no service
service
{
	type = UNLISTED
	port = 20991
}
`;

const FIRST_PORT = 20_001;
const PATIENCE_MS = 30_000;

/** An entry whose lines are in order, but for those that the case has of its own. */
function entryOf(text: string, index: number): string {
  const lines = new Map([
    ["type", "UNLISTED"],
    ["socket_type", "stream"],
    ["protocol", "tcp"],
    ["wait", "no"],
    ["user", "root"],
    ["server", "/bin/cat"],
    ["port", String(FIRST_PORT + index)],
  ]);
  for (const line of text.split("\n")) lines.delete(line.split(" ")[0] as string);
  const usual = [...lines].map(([name, value]) => `${name} = ${value}`);
  return `service case-${index}\n{\n${[...usual, text].join("\n")}\n}\n`;
}

/** The addresses that a process's namespace has sockets at, as endpoints have them. */
function boundIn({ pid }: ChildProcess): string[] {
  const LISTENING = "0A";
  const UNCONNECTED = "07";
  return ["tcp", "tcp6", "udp", "udp6"].flatMap((table) => {
    const lines = readFileSync(`/proc/${pid}/net/${table}`, "latin1").trim().split("\n").slice(1);
    return lines.flatMap((line) => {
      const [, local = "", , state] = line.trim().split(/\s+/);
      const [address = "", port = ""] = local.split(":");
      if (state !== LISTENING && state !== UNCONNECTED) return [];
      const host = HOSTS[address] ?? address;
      return [`${table.slice(0, 3)}://${host}:${Number.parseInt(port, 16)}`];
    });
  });
}

/** As the kernel's tables write them. */
const HOSTS: Readonly<Record<string, string>> = {
  "00000000": "0.0.0.0",
  "0100007F": "127.0.0.1",
  "00000000000000000000000000000000": "[::]",
  "00000000000000000000000001000000": "[::1]",
};

describe("xinetd", () => {
  it("serves what we would serve, and refuses what we refuse", { timeout: 90_000 }, async (context) => {
    needsProgram(context, "xinetd", ["-version"]);
    needsProgram(context, "ip", ["-Version"]);
    const refusal = namespaceRefusal();
    if (refusal !== undefined) return context.skip(refusal);
    const folder = mkdtempSync(join(tmpdir(), "portolan-xinetd-conf-"));
    const [file, log] = [join(folder, "xinetd.conf"), join(folder, "log")];
    const text = SEPARATE + CASES.map(entryOf).join("");
    writeFileSync(file, text);
    const isRoot = process.getuid?.() === 0;
    const args = ["-dontfork", "-stayalive", "-filelog", log, "-f", file, "-pidfile", join(folder, "pid")];
    const start = ["sh", "-c", 'ip link set lo up && exec "$@"', "sh", "xinetd", ...args];
    const child = spawn("unshare", [isRoot ? "-n" : "-Urn", ...start], { stdio: "ignore" });
    const closed = once(child, "close");
    try {
      await until(() => existsSync(log) && readFileSync(log, "latin1").includes("Started working"), PATIENCE_MS);
      const theirs = boundIn(child).sort();
      const { config, problems } = parseConfig(text, file);
      const faulty = new Set([...problems, ...checkHost(config)].filter(isError).map(({ origin }) => origin.line));
      const ours = config.services.filter(({ isDisabled, origin }) => !isDisabled && !faulty.has(origin.line));
      expect(ours.map(({ listen }) => listen.endpoint).sort()).toEqual(theirs);
      expect(ours.length).toBeGreaterThan(CASES.length / 3);
    } finally {
      child.kill("SIGKILL");
      await closed;
      rmSync(folder, { recursive: true });
    }
  });
});

function isError({ severity }: ConfigProblem): boolean {
  return severity === "error";
}
