/** The table of coverage leaves out nothing that Python has, and names nothing that is not here. */
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import * as portolan from "portolan";
import * as abi from "portolan/abi";
import * as sys from "portolan/sys";
import { describe, expect, it } from "vitest";
import { needsProgram } from "../../test/support/programs.ts";
import { publicNames } from "../docs/public-names.ts";
import { coveragePage } from "./document.ts";
import { PYTHON_MODULE, PYTHON_NOT_APPLICABLE, PYTHON_SOCKET } from "./python.ts";
import { namesOf, quotedIn } from "./row.ts";
import { SOCKET2_SOCKET, SOCKET2_TYPES } from "./socket2.ts";

const root = resolve(import.meta.dirname, "../..");

const LIST = `
import json, socket
print(json.dumps({
    "module": {
        name: int(value) if isinstance(value, int) else None
        for name, value in vars(socket).items() if not name.startswith("_")
    },
    "socket": [name for name in dir(socket.socket) if not name.startswith("_")],
}))
`;

describe("Python's socket module", () => {
  it("has no name that is neither in the table nor a constant here nor explained", (context) => {
    needsProgram(context, "python3", ["--version"]);
    const { module, socket } = JSON.parse(execFileSync("python3", ["-c", LIST], { encoding: "utf8" }));
    const explained = matcher(PYTHON_NOT_APPLICABLE.flatMap(namesOf));
    const inModule = matcher(PYTHON_MODULE.flatMap(namesOf));
    const inSocket = matcher(PYTHON_SOCKET.flatMap(namesOf));
    expect(socket.filter((name: string) => !inSocket(name) && !explained(name))).toEqual([]);
    for (const [name, value] of Object.entries<number | null>(module)) {
      if (inModule(name) || explained(name)) continue;
      const ours: unknown = Reflect.get(
        abi,
        name.replace(/^ETHERTYPE_/, "ETH_P_").replace("ETH_P_VLAN", "ETH_P_8021Q"),
      );
      expect(`${name} ${ours}`).toBe(`${name} ${value}`);
    }
  });
});

describe("the right column", () => {
  const types = new Set(publicNames(root).map(({ name }) => name));
  const rows = [...PYTHON_MODULE, ...PYTHON_SOCKET, ...PYTHON_NOT_APPLICABLE, ...SOCKET2_SOCKET, ...SOCKET2_TYPES];

  it("is never empty, and names only what there is", () => {
    for (const name of ["Socket.nothing", "nothing", "SO_NOTHING"]) expect(exists(name, types)).toBe(false);
    for (const row of rows) {
      expect(row[1].trim()).not.toBe("");
      for (const name of quotedIn(row)) expect(exists(name, types), `${row[0]}: ${name}`).toBe(true);
    }
  });

  it("answers each name on the left once", () => {
    for (const list of [PYTHON_MODULE, PYTHON_SOCKET, SOCKET2_SOCKET, SOCKET2_TYPES]) {
      const names = list.flatMap(namesOf);
      expect(names.filter((name, index) => names.indexOf(name) !== index)).toEqual([]);
    }
  });
});

it("docs/guide/coverage.md is what the tables make", () => {
  expect(readFileSync(join(root, "docs/guide/coverage.md"), "utf8")).toBe(coveragePage());
});

function matcher(names: readonly string[]): (name: string) => boolean {
  const pattern = new RegExp(`^(?:${names.join("|")})$`);
  return (name) => pattern.test(name);
}

/** Words that name no thing of this package. */
const WORDS = new Set(["family", "flags", "kind", "protocol", "try", "type", "Uint8Array", "hostname", "node:os"]);

function exists(name: string, types: ReadonlySet<string>): boolean {
  if (WORDS.has(name) || name in portolan.options || name in portolan || name in abi || name in sys) return true;
  if (/^portolan(\/\w+)?$/.test(name)) return true;
  const [owner = "", member] = name.split(".");
  if (member === undefined) return types.has(owner);
  const held = Reflect.get(portolan, owner) as { prototype: object } | undefined;
  return held !== undefined && (member in held || hasMember(held.prototype, member));
}

/** Without running a getter. */
function hasMember(prototype: object | null, member: string): boolean {
  if (prototype === null) return false;
  return Object.hasOwn(prototype, member) || hasMember(Object.getPrototypeOf(prototype), member);
}
