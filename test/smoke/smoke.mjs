/**
 * The short test that runs on every Node release line: uses the built package as a user would, in the main thread and
 * in a worker. Plain JavaScript without a test runner, so that nothing but Node and the package is needed.
 *
 * Each file in checks/ exports `checks`: `{ name, run }`, where `run` throws if something is wrong. A check that cannot
 * run here returns the reason as text. Add a file for a new part of the package.
 */
import { readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { isMainThread, parentPort, Worker } from "node:worker_threads";

const checkTimeoutMs = 20_000;

if (isMainThread) {
  await main();
} else {
  parentPort.postMessage(await runChecks());
}

async function main() {
  console.log(`Node ${process.version} on ${process.platform} ${process.arch}`);
  const results = [
    ...(await runChecks()).map((result) => ({ where: "main", ...result })),
    ...(await runChecksInWorker()).map((result) => ({ where: "worker", ...result })),
  ];
  for (const { where, name, outcome, detail } of results) {
    console.log(`  ${outcome}: ${where}: ${name}${detail ? `: ${detail}` : ""}`);
  }
  const count = (outcome) => results.filter((result) => result.outcome === outcome).length;
  console.log(`${count("passed")} passed, ${count("failed")} failed, ${count("skipped")} skipped`);
  // Something left open would keep the process alive: leave it to end by itself, so that the caller's limit shows it.
  process.exitCode = count("failed") === 0 ? 0 : 1;
}

async function runChecks() {
  const results = [];
  const folder = new URL("checks/", import.meta.url);
  for (const file of readdirSync(fileURLToPath(folder)).sort()) {
    const label = file.replace(/\.mjs$/, "");
    try {
      const { checks } = await import(new URL(file, folder));
      for (const check of checks) {
        results.push(await runCheck(label, check));
      }
    } catch (error) {
      results.push({ name: label, outcome: "failed", detail: error.stack });
    }
  }
  return results;
}

async function runCheck(label, { name, run }) {
  const fullName = `${label}: ${name}`;
  let timer;
  const tooLate = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`not done after ${checkTimeoutMs} ms`)), checkTimeoutMs);
  });
  try {
    const reason = await Promise.race([run(), tooLate]);
    return { name: fullName, outcome: reason === undefined ? "passed" : "skipped", detail: reason };
  } catch (error) {
    return { name: fullName, outcome: "failed", detail: error.stack };
  } finally {
    clearTimeout(timer);
  }
}

/** A worker that dies, or ends without a word, is a failed check, not an end of this script. */
function runChecksInWorker() {
  return new Promise((resolve) => {
    let results;
    let failure;
    const worker = new Worker(new URL(import.meta.url));
    worker.once("message", (message) => {
      results = message;
    });
    worker.once("error", (error) => {
      failure = error;
    });
    worker.once("exit", (code) => {
      if (code === 0 && failure === undefined && results !== undefined) {
        resolve([...results, { name: "the worker ends by itself", outcome: "passed" }]);
      } else {
        const detail = failure?.stack ?? `exit code ${code}`;
        resolve([...(results ?? []), { name: "the worker ends by itself", outcome: "failed", detail }]);
      }
    });
  });
}
