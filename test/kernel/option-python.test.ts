/** Python's socket module as an oracle: on fresh sockets, its getsockopt and ours say the same of every number. */
import { spawnSync } from "node:child_process";
import { type AnyOption, options, Socket, type TypeName } from "portolan";
import { beforeAll, describe, expect, it } from "vitest";

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
names, sockets = json.loads(sys.argv[1]), json.loads(sys.argv[2])

def answer(sock, name, level):
    number = getattr(socket, name)
    try:
        return [number, sock.getsockopt(level, number)]
    except OSError as error:
        return [number, "errno %d" % error.errno]

known = [(name, level) for name, level in names if hasattr(socket, name)]
answers = []
for family, kind in sockets:
    with socket.socket(getattr(socket, family), getattr(socket, kind)) as sock:
        answers.append({name: answer(sock, name, level) for name, level in known})
print(json.dumps(answers))
`;

const numbers = (Object.values(options) as AnyOption[]).filter(
  ({ name, kind, readable }) => readable && NUMBERS.has(kind) && !DIFFERENT_EACH_TIME.has(name),
);

type Answers = Record<string, [number: number, answer: number | string]>;

/** What Python says, of each socket in turn. */
function pythonAnswers(): Answers[] {
  const names = numbers.map(({ name, level }) => [name, level]);
  const sockets = SOCKETS.map(([, , family, type]) => [family, type]);
  const args = ["-c", ASK, JSON.stringify(names), JSON.stringify(sockets)];
  const { stdout, stderr, error } = spawnSync("python3", args, { encoding: "utf8" });
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
  let answers: Answers[] = [];

  beforeAll(() => {
    answers = pythonAnswers();
  });

  it.each(SOCKETS.map(([family, type], index) => [family, type, index] as const))("of %s %s", (family, type, index) => {
    const theirs = answers[index] ?? {};
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
