/** Python's socket module as an oracle: on fresh sockets, its getsockopt and ours say the same of every number. */
import { spawnSync } from "node:child_process";
import { type AnyOption, options, Socket, type TypeName } from "portolan";
import { describe, expect, it } from "vitest";

/** Each socket by the arguments that both make it with. */
const SOCKETS = [
  ["inet", "stream", "AF_INET", "SOCK_STREAM"],
  ["inet", "dgram", "AF_INET", "SOCK_DGRAM"],
  ["inet6", "stream", "AF_INET6", "SOCK_STREAM"],
  ["inet6", "dgram", "AF_INET6", "SOCK_DGRAM"],
  ["unix", "stream", "AF_UNIX", "SOCK_STREAM"],
  ["unix", "dgram", "AF_UNIX", "SOCK_DGRAM"],
  ["unix", "seqpacket", "AF_UNIX", "SOCK_SEQPACKET"],
  ["netlink", "raw", "AF_NETLINK", "SOCK_RAW"],
] as const;

const NUMBERS = new Set(["bool", "int", "uint", "networkIndex"]);
/** The processor that handled the socket's last packet: of a fresh socket, the one that it was made on. */
const DIFFERENT_EACH_TIME = new Set(["SO_INCOMING_CPU"]);

const ASK = `
import json, socket, sys
names, family, kind = json.loads(sys.argv[1]), sys.argv[2], sys.argv[3]
sock = socket.socket(getattr(socket, family), getattr(socket, kind))
answers = {}
for name, level in names:
    number = getattr(socket, name, None)
    if number is None:
        continue
    try:
        answers[name] = [number, sock.getsockopt(level, number)]
    except OSError as error:
        answers[name] = [number, "errno %d" % error.errno]
print(json.dumps(answers))
`;

const numbers = (Object.values(options) as AnyOption[]).filter(
  ({ name, kind, readable }) => readable && NUMBERS.has(kind) && !DIFFERENT_EACH_TIME.has(name),
);

function pythonAnswers(family: string, type: string): Record<string, [number: number, answer: number | string]> {
  const names = numbers.map(({ name, level }) => [name, level]);
  const { stdout, stderr, error } = spawnSync("python3", ["-c", ASK, JSON.stringify(names), family, type], {
    encoding: "utf8",
  });
  expect([error, stderr]).toEqual([undefined, ""]);
  return JSON.parse(stdout);
}

/** The number as Python sees it, or the error's. */
function ourAnswer(socket: Socket, option: AnyOption): number | string {
  try {
    socket.getOption(option);
    const bytes = socket.getRawOption(option.level, option.option, 4);
    return Buffer.concat([bytes, Buffer.alloc(4)]).readInt32LE(0);
  } catch (error) {
    return `errno ${-(error as { errno: number }).errno}`;
  }
}

describe("the defaults that Python reads are ours", () => {
  it.each(SOCKETS)("of %s %s", (family, type, pythonFamily, pythonType) => {
    const theirs = pythonAnswers(pythonFamily, pythonType);
    using socket = new Socket(family, type as TypeName);
    const known = numbers.filter(({ name }) => name in theirs);
    const ours = Object.fromEntries(known.map((row) => [row.name, [row.option, ourAnswer(socket, row)]]));
    expect(ours).toEqual(theirs);
    expect(known.length).toBeGreaterThan(60);
    // And what is decoded is what the number means.
    for (const option of known) {
      const answer = theirs[option.name]?.[1];
      if (typeof answer !== "number" || option.kind === "networkIndex") continue;
      const meaning = option.kind === "bool" ? answer !== 0 : option.kind === "uint" ? answer >>> 0 : answer;
      expect([option.name, socket.getOption(option)]).toEqual([option.name, meaning]);
    }
  });
});
