/** inet_aton beside the C library's, which Python calls: the forms of inet_aton(3), and what else the library lets pass. */
import { inet_aton } from "portolan/abi";
import { describe, expect, it } from "vitest";
import { Chance, seedOfThisRun } from "../support/chance.ts";
import { needsPython, python } from "./lookup-python.ts";

const TEXTS = 20_000;
const seed = seedOfThisRun();
const PROGRAM = `
def aton(text):
    try:
        return socket.inet_aton(text).hex()
    except OSError:
        return None
print(json.dumps([aton(text) for text in queries]))
`;
const PIECES = [
  "0",
  "00",
  "000000000000000",
  "0x",
  "0X",
  "1",
  "8",
  "9",
  "a",
  "F",
  "127",
  "255",
  "256",
  "65536",
  "0377",
];
const SEPARATORS = ["", "", "", ".", ".", ".", "-", "+", "_"];

const ours = (text: string): string | null => {
  const bytes = inet_aton(text);
  return bytes === null ? null : Buffer.from(bytes).toString("hex");
};

function randomText(chance: Chance): string {
  let text = "";
  for (let i = chance.between(1, 7); i > 0; i--) text += chance.oneOf(PIECES) + chance.oneOf(SEPARATORS);
  return text;
}

describe("inet_aton", () => {
  it(`takes what the C library takes, PORTOLAN_SEED=${seed}`, (context) => {
    needsPython(context);
    const chance = new Chance(seed);
    const texts = Array.from({ length: TEXTS }, () => randomText(chance));
    texts.push("00000000000000000001", "0x00000000000000007f.1", "000000000000000177.1", "4294967296", "0x100000000");
    const theirs = python<(string | null)[]>(PROGRAM, texts);
    const told = texts.map((text) => `${JSON.stringify(text)} ${ours(text)}`);
    expect(told).toEqual(texts.map((text, index) => `${JSON.stringify(text)} ${theirs[index]}`));
    expect(theirs.filter((each) => each !== null).length).toBeGreaterThan(TEXTS / 100);
  });

  it("refuses whatever follows a space, which glibc passes over", (context) => {
    needsPython(context);
    const tails = [" ", "\t", "\n", "\v", "\f", "\r", " x", " 127.0.0.2"];
    const texts = ["127.0.0.1", "1", "0x7f.1"].flatMap((head) => tails.map((tail) => head + tail));
    expect(texts.map(ours)).toEqual(texts.map(() => null));
    // Other libraries refuse them too.
    for (const [index, each] of python<(string | null)[]>(PROGRAM, texts).entries()) {
      const head = (texts[index] as string).split(/\s/)[0] as string;
      expect([null, ours(head)]).toContain(each);
    }
  });
});
