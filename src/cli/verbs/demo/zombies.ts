/** `portolan demo zombies`: a zombie made on purpose, and both cures. */
import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { EXIT, type ExitStatus } from "../../../service/index.ts";
import { Child } from "./child-without-node.ts";
import type { Ignored } from "./ignoring-entry.ts";
import type { Demo, Stage } from "./table.ts";

const STATUS = 7;
const HELPER_TIMEOUT_MS = 20_000;

export const demo: Demo = {
  async run(stage) {
    const isReaped = showZombie(stage);
    const isIgnored = await showIgnoring(stage);
    stage.step({
      name: "lesson",
      text: [
        "So: whoever starts children waits for each of them, or says beforehand that it will not. Portolan's designs",
        "process and prefork start theirs by Node, which waits for exactly the pids that it started; others' are left alone.",
      ].join("\n"),
      fields: { isReaped, isIgnored },
    });
    return isReaped && isIgnored ? undefined : fail(stage);
  },
};

/** A child ends and is not waited for; then it is. */
function showZombie(stage: Stage): boolean {
  using child = new Child(STATUS);
  const { pid } = child;
  stage.step({
    name: "started",
    text: `A child is started: pid ${pid}. It does exit(${STATUS}), and nobody waits for it.`,
    fields: { pid, status: STATUS },
  });
  child.waitForEnd();
  const zombie = child.state();
  stage.step({
    name: "zombie",
    text: [
      `It has ended, and /proc/${pid}/stat says: ${zombie ?? "gone"}. That is a zombie: memory and descriptors are given`,
      "back, but the entry in the process table stays, with the status that nobody has asked for. It cannot be killed,",
      "for it is dead; enough of them, and no process can be started any more (fork: EAGAIN).",
    ].join("\n"),
    fields: { pid, state: zombie ?? null },
  });
  const status = child.reap();
  const after = child.state();
  stage.step({
    name: "reaped",
    text: [
      `Cure 1, reaping: waitid(P_PIDFD, …, WEXITED) gives the status, ${status}, and the zombie is ${after ?? "gone"}. The pidfd`,
      "polls readable when the child ends, so a loop can wait for it beside its sockets, and it stands for this very child:",
      "waitpid(-1, …) in a library would take the children of others as well, and a SIGCHLD may stand for several ends.",
    ].join("\n"),
    fields: { pid, status, state: after ?? "gone" },
  });
  return zombie === "Z" && status === STATUS && after === undefined;
}

/** A process that ignores SIGCHLD never has zombies, and never learns how its children ended. */
async function showIgnoring(stage: Stage): Promise<boolean> {
  const helper = fileURLToPath(new URL("./ignoring-entry.js", import.meta.url));
  const { stdout } = await promisify(execFile)(process.execPath, [helper], {
    signal: stage.signal,
    timeout: HELPER_TIMEOUT_MS,
  });
  const { pid, state, waited } = JSON.parse(stdout) as Ignored;
  stage.step({
    name: "ignored",
    text: [
      `Cure 2, signal(SIGCHLD, SIG_IGN): child ${pid} ended the same way, and its entry was ${state} at once: the kernel reaps`,
      `by itself (signal(2), sigaction(2): SA_NOCLDWAIT). The price: waitid says ${waited}, for the status is lost. It holds`,
      "for the whole process, so this ran in a helper of its own: Node hears of its own children by that signal.",
    ].join("\n"),
    fields: { pid, state, waited },
  });
  return state === "gone" && waited === "ECHILD";
}

function fail(stage: Stage): ExitStatus {
  stage.context.err.line(
    "portolan demo: the kernel did not behave as told above; look at the states that were printed",
  );
  return EXIT.SOFTWARE;
}
