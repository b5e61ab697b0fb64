/** share/inetd.schema.json against a validator by others, Python's jsonschema: what it refuses, our reader refuses. */
import { spawn } from "node:child_process";
import fc from "fast-check";
import { parseConfig } from "portolan/inetd";
import { describe, expect, it } from "vitest";
import { needsProgram, outputOf } from "../support/programs.ts";

const JUDGE = `
import json, sys
from jsonschema import Draft202012Validator
schema = json.load(open("share/inetd.schema.json"))
Draft202012Validator.check_schema(schema)
judge = Draft202012Validator(schema)
print(json.dumps([judge.is_valid(document) for document in json.load(sys.stdin)]))
`;

/** The verdicts of jsonschema. */
async function judge(documents: readonly unknown[]): Promise<boolean[]> {
  const child = spawn("python3", ["-c", JUDGE], { stdio: ["pipe", "pipe", "pipe"] });
  child.stdin.end(JSON.stringify(documents));
  return JSON.parse(await outputOf(child)) as boolean[];
}

const BASE = { listen: "tcp://127.0.0.1:1", program: "/bin/cat" };
/** Values that stand for all kinds, of which a key takes some. */
const VALUES = [
  true,
  0,
  1,
  2.5,
  -3,
  "x",
  "/x",
  "022",
  "8M",
  "unlimited",
  "stderr",
  "8:00-9:00",
  [],
  ["x"],
  ["PID"],
  {},
  { file: "/x" },
  { A: "b" },
  null,
];
const KEYS =
  "name disabled listen socket type backlog keepAlive noDelay v6Only mode program arguments calledAs wait user group groups directory root passEnvironment environment umask nice rlimits activation errorsTo access limits log banners nonsense".split(
    " ",
  );
const INNER = [
  "instances",
  "maxLoad",
  "restSeconds",
  "onlyFrom",
  "times",
  "addressSpace",
  "openFiles",
  "to",
  "onSuccess",
  "always",
];

describe("the schema that is shipped", () => {
  it("is one, and refuses nothing that our reader takes", async (context) => {
    needsProgram(context, "python3", ["-c", "import jsonschema"]);
    const value = fc.oneof(
      fc.constantFrom(...VALUES),
      fc.dictionary(fc.constantFrom(...INNER), fc.constantFrom(...VALUES), { maxKeys: 2 }),
    );
    const service = fc
      .dictionary(fc.constantFrom(...KEYS), value, { maxKeys: 2 })
      .map((more) => ({ ...BASE, ...more }));
    const documents: unknown[] = [
      { services: { x: BASE } },
      { services: {} },
      {},
      [],
      { services: { x: { ...BASE, log: { to: { syslog: "daemon", level: "err" } } } }, maxInstances: 3, log: "none" },
      ...KEYS.flatMap((key) => VALUES.map((one) => ({ services: { x: { ...BASE, [key]: one } } }))),
      ...fc.sample(service, 500).map((one) => ({ services: { x: one } })),
    ];
    const theirs = await judge(documents);
    const ours = documents.map((document) => parseConfig(JSON.stringify(document), "x.json").problems.length === 0);
    expect(theirs.slice(0, 5)).toEqual([true, true, false, false, true]);
    expect(ours.slice(0, 5)).toEqual([true, true, false, false, true]);
    const differing = documents.filter((_, index) => ours[index] && !theirs[index]);
    expect(differing).toEqual([]);
    // And it is the schema that refuses most of what is refused.
    const onlyOurs = documents.filter((_, index) => theirs[index] && !ours[index]).length;
    expect(onlyOurs).toBeLessThan(theirs.filter((isValid) => !isValid).length / 3);
  });
});
