/** The test run looks after itself: what a file leaves open fails it, and so does, in CI, a skip that nobody expected. */
import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

const root = resolve(import.meta.dirname, "../..");
const copied = ["package.json", "vitest.config.ts", "test/setup.ts", "test/counts-reporter.ts", "test/support"];

let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "portolan-runner-"));
  mkdirSync(join(folder, "test"));
  for (const path of copied) {
    cpSync(join(root, path), join(folder, path), { recursive: true });
  }
  symlinkSync(join(root, "node_modules"), join(folder, "node_modules"));
});
afterAll(() => rmSync(folder, { recursive: true }));

interface Run {
  readonly status: number | null;
  readonly output: string;
  readonly lastLine: string | undefined;
}

/** Runs one test file in a house of its own. */
function run(text: string, options: { ci?: boolean; expectedSkips?: unknown[] } = {}): Run {
  writeFileSync(join(folder, "test/planted.test.ts"), `import { expect, it } from "vitest";\n${text}`);
  writeFileSync(join(folder, "test/expected-skips.json"), JSON.stringify(options.expectedSkips ?? []));
  const { CI: _, ...env } = process.env;
  const { status, stdout, stderr } = spawnSync(join(root, "node_modules/.bin/vitest"), ["run", "--no-color"], {
    cwd: folder,
    encoding: "utf8",
    env: options.ci ? { ...env, CI: "1" } : env,
  });
  return { status, output: stdout + stderr, lastLine: stdout.trimEnd().split("\n").at(-1) };
}

const skip = `it("goes", () => {});\nit("waits", (ctx) => ctx.skip("no such kernel"));\n`;

describe("the closing line", () => {
  it("counts what passed, failed and was skipped, with the reasons of skips", () => {
    const { status, output, lastLine } = run(`${skip}it("breaks", () => expect(1).toBe(2));\n`);
    expect(output).toContain("skipped: test/planted.test.ts > waits: no such kernel");
    expect(output).toMatch(/^failed: test\/planted\.test\.ts > breaks: .*expected 1 to be 2/m);
    expect(lastLine).toBe("1 passed, 1 failed, 1 skipped");
    expect(status).toBe(1);
  });

  it("counts a file that cannot be read as failed", () => {
    const { status, output, lastLine } = run(`import "./absent.ts";\n`);
    expect(output).toMatch(/^failed: test\/planted\.test\.ts: .*absent\.ts/m);
    expect(lastLine).toBe("0 passed, 1 failed, 0 skipped");
    expect(status).toBe(1);
  });
});

describe("a test file that leaves something open", () => {
  it("fails, and is told what: files, sockets, child processes", () => {
    // The child ends with its standard input, so at the latest with the process that forgot it.
    const { status, output, lastLine } = run(`
      import { spawn } from "node:child_process";
      import { openSync } from "node:fs";
      import { createServer } from "node:net";
      it("leaks", () => {
        openSync("/etc/passwd");
        createServer().listen(0, "127.0.0.1");
        spawn("cat");
      });
    `);
    expect(output).toMatch(/fd \d+: \/etc\/passwd/);
    expect(output).toMatch(/fd \d+: socket:\[\d+\]/);
    expect(output).toMatch(/child \d+: cat/);
    expect(lastLine).toBe("1 passed, 1 failed, 0 skipped");
    expect(status).toBe(1);
  });

  it("passes when all is closed by its own hooks, and processes, threads and sockets are done", () => {
    const { status, lastLine, output } = run(`
      import { spawn, spawnSync } from "node:child_process";
      import { once } from "node:events";
      import { closeSync, openSync } from "node:fs";
      import { connect, createServer } from "node:net";
      import { Worker } from "node:worker_threads";
      import { afterAll } from "vitest";
      const fd = openSync("/etc/passwd");
      afterAll(() => closeSync(fd));
      it("cleans up", async () => {
        spawnSync("true");
        await once(spawn("true"), "exit");
        await once(new Worker("1", { eval: true }), "exit");
        const server = createServer((peer) => peer.end()).listen(0, "127.0.0.1");
        await once(server, "listening");
        const client = connect(server.address().port, "127.0.0.1").resume();
        await once(client, "close");
        server.close();
      });
    `);
    expect(lastLine, output).toBe("1 passed, 0 failed, 0 skipped");
    expect(status).toBe(0);
  });
});

describe("in CI", () => {
  it("an unexpected skip fails the run", () => {
    const { status, output, lastLine } = run(skip, { ci: true });
    expect(output).toContain("unexpected skip: test/planted.test.ts > waits");
    expect(lastLine).toBe("1 passed, 0 failed, 1 skipped");
    expect(status).toBe(1);
  });

  it("a test that passes only at its second attempt passes, and is named", () => {
    const { status, output, lastLine } = run(
      `let attempts = 0;\nit("wavers", () => expect(++attempts).toBe(2));\nit("breaks", () => expect(1).toBe(2));\n`,
      { ci: true },
    );
    expect(output).toContain("unsteady: test/planted.test.ts > wavers");
    expect(output).not.toContain("unsteady: test/planted.test.ts > breaks");
    expect(lastLine).toBe("1 passed, 1 failed, 0 skipped");
    expect(status).toBe(1);
  });

  it("an expected skip does not, and one that ran is a note", () => {
    const expectedSkips = [
      { file: "test/planted.test.ts", test: "waits", reason: "planted" },
      { file: "test/planted.test.ts", test: "go*", reason: "planted" },
    ];
    const { status, output } = run(skip, { ci: true, expectedSkips });
    expect(output).toContain("note: test/planted.test.ts > go* is listed");
    expect(status).toBe(0);
  });
});
