/**
 * The second cure of `portolan demo zombies`, in a process of its own: here SIGCHLD is ignored for the whole process,
 * which would take from Node the news of its own children. Says what it saw as one line of JSON.
 */
import { errnoName, SIGCHLD } from "../../../abi/index.ts";
import { signal } from "../../../sys/index.ts";
import { Child } from "./child-without-node.ts";

const SIG_IGN = 1;
const STATUS = 7;

/** What the helper saw. */
export interface Ignored {
  readonly pid: number;
  /** The state in /proc after the end; `gone` where there was no entry. */
  readonly state: string;
  /** What waitid(2) said: ECHILD, since there is nobody left to wait for. */
  readonly waited: string;
}

signal(SIGCHLD, SIG_IGN);
using child = new Child(STATUS);
child.waitForEnd();
const state = child.stateOnceSettled() ?? "gone";
const status = child.reap();
const seen: Ignored = { pid: child.pid, state, waited: status < 0 ? errnoName(-status) : `status ${status}` };
process.stdout.write(`${JSON.stringify(seen)}\n`);
