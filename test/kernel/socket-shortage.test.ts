/** A loop over a listener in a process that has no descriptors left: it rests, says so, and goes on. */
import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";

const fixture = fileURLToPath(new URL("../fixtures/descriptors/shortage.mjs", import.meta.url));
const entry = new URL("../../dist/socket/index.js", import.meta.url).href;

async function play(name: string): Promise<unknown> {
  const script = 'ulimit -n 128; exec "$0" "$@"';
  const args = ["-c", script, process.execPath, fixture, entry, name];
  return JSON.parse((await promisify(execFile)("sh", args)).stdout);
}

describe.concurrent("a loop over a listener, when no descriptor is left", () => {
  it("rests longer and longer, and goes on; a single accept fails", async () => {
    const growing = [5, 10, 20, 40].map((pauseMs) => ["EMFILE", pauseMs]);
    const texts = ["still served", "still served"];
    expect(await play("passing")).toEqual({ single: "EMFILE", texts, pauses: [...growing, ...growing] });
  });

  it("rests as well where the first wait has no descriptors", async () => {
    expect(await play("early")).toEqual(["EMFILE"]);
  });

  it("leaves nothing open of a wait that could not begin", async () => {
    expect(await play("refused")).toEqual([
      ["EMFILE", 0],
      ["EMFILE", 0],
      ["EMFILE", 0],
    ]);
  });

  it("warns the process once, where nobody else is told", async () => {
    const message = expect.stringMatching(/^accept EMFILE: .*ulimit -n.*; connections wait, the next try is in 5 ms$/);
    expect(await play("warned")).toEqual([{ name: "SocketWarning", code: "EMFILE", message }]);
  });

  it("ends at once when the listener is closed", async () => {
    expect(await play("closed")).toEqual({ done: true });
  });

  it("ends with the signal's reason, and leaves the listener open", async () => {
    expect(await play("aborted")).toEqual({ code: "20", isOpen: true });
  });

  it("ends with what is thrown when it is told", async () => {
    expect(await play("thrown")).toBe("EMFILE");
  });
});
