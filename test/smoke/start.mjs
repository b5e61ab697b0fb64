/**
 * What README promises of `npm start`: after the build, echo answers on 127.0.0.1:7007 within five seconds, and Ctrl-C
 * ends it cleanly. The independent client is Node's own.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { connect } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";

const endpoint = { host: "127.0.0.1", port: 7007 };
const startLimitMs = 5_000;
const stopLimitMs = 5_000;
const retryMs = 50;

const main = fileURLToPath(new URL("../../dist/cli/main.js", import.meta.url));
const child = spawn(process.execPath, [main, "up"], { stdio: ["ignore", "pipe", "inherit"] });
const ended = once(child, "exit");
child.stdout.resume();

const startedAt = performance.now();
const failures = [];
const answer = await firstAnswer(startedAt + startLimitMs);
if (answer === "hello\n") {
  console.log(`echo answered after ${Math.round(performance.now() - startedAt)} ms`);
} else {
  failures.push(`no echo on ${endpoint.host}:${endpoint.port} within ${startLimitMs} ms: ${answer}`);
}

child.kill("SIGINT");
const end = await Promise.race([ended, delay(stopLimitMs, null, { ref: false })]);
if (end === null) {
  failures.push(`still running ${stopLimitMs} ms after Ctrl-C`);
  child.kill("SIGKILL");
} else if (end[0] !== 0 && end[0] !== 130) {
  failures.push(`ended with code ${end[0]}, signal ${end[1]}`);
}

for (const failure of failures) {
  console.error(failure);
}
console.log(`${2 - failures.length} passed, ${failures.length} failed, 0 skipped`);
process.exitCode = failures.length === 0 ? 0 : 1;

/** The first complete answer; at the deadline, or when the server has ended, what went wrong instead. */
async function firstAnswer(deadline) {
  for (;;) {
    try {
      return await ask("hello\n");
    } catch (error) {
      if (performance.now() > deadline || child.exitCode !== null) {
        return error.message;
      }
      await delay(retryMs);
    }
  }
}

async function ask(text) {
  const socket = connect(endpoint);
  socket.setTimeout(startLimitMs, () => socket.destroy(new Error("connected, but no answer")));
  socket.setEncoding("utf8").end(text);
  let answer = "";
  for await (const chunk of socket) {
    answer += chunk;
  }
  return answer;
}
