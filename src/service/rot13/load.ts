/** Loads a server from several threads, and adds up what they report. */
import { Worker } from "node:worker_threads";
import { SystemError } from "../../socket/index.ts";
import type { ClientCall } from "../client.ts";
import { isDatagram, printLine } from "../client-io.ts";
import { EXIT, type ExitStatus } from "../exit-status.ts";
import type { Mirror } from "../mirror-client.ts";
import type { LoadReport, LoadTask } from "./load-worker.ts";

const DEFAULT_COUNT = 1000;
const DEFAULT_TIMEOUT_MS = 5000;

/** @throws what a thread died of. */
export async function load(mirror: Mirror, call: ClientCall, threads: number): Promise<ExitStatus> {
  const { message = "The quick brown fox jumps over the lazy dog", count = DEFAULT_COUNT } = call.options as {
    readonly message?: string;
    readonly count?: number;
  };
  const question = Buffer.from(`${message}\n`);
  const task: LoadTask = {
    endpoint: call.endpoint,
    question,
    answer: mirror.answer(question),
    count,
    isDatagram: isDatagram(call.endpoint),
    timeoutMs: call.timeoutMs ?? DEFAULT_TIMEOUT_MS,
  };
  const startedMs = performance.now();
  const reports = await Promise.all(Array.from({ length: threads }, () => runThread(task, call.signal)));
  const elapsedMs = performance.now() - startedMs;
  const sum = (of: (report: LoadReport) => number): number => reports.reduce((total, report) => total + of(report), 0);
  const answered = sum((report) => report.answered);
  const wrong = sum((report) => report.wrong);
  const lost = sum((report) => report.lost);
  const perSecond = Math.round(answered / (elapsedMs / 1000));
  const text = `${threads} threads, ${threads * count} messages: ${answered} answered, ${wrong} wrong, ${lost} lost; ${perSecond} a second`;
  await printLine(call, text);
  call.output.event?.({ name: "load", text, fields: { threads, count, answered, wrong, lost, elapsedMs } });
  if (wrong > 0) {
    const problem = `${call.endpoint} answered ${wrong} messages with something else: it is no ${mirror.name} server`;
    call.output.problem({ name: "protocol", text: problem, fields: { wrong } });
    return EXIT.PROTOCOL;
  }
  if (lost === 0) return EXIT.OK;
  call.output.problem({ name: "lost", text: `${lost} messages had no answer in time`, fields: { lost } });
  return EXIT.UNAVAILABLE;
}

function runThread(task: LoadTask, signal: AbortSignal): Promise<LoadReport> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(new URL("./load-worker.js", import.meta.url), { workerData: task, name: "rot13 load" });
    const stop = (): void => void worker.terminate();
    signal.addEventListener("abort", stop, { once: true });
    worker.once("message", resolve);
    worker.once("error", (error) => reject(revived(error)));
    worker.once("exit", () => {
      signal.removeEventListener("abort", stop);
      reject(signal.reason ?? new Error("a thread ended without a report"));
    });
  });
}

/** An error's class does not come through between threads; what it knew does. */
function revived(error: unknown): unknown {
  const { syscall, errno, address, port, path, local } = error as Partial<SystemError>;
  if (typeof syscall !== "string" || typeof errno !== "number") return error;
  return new SystemError(syscall, errno, { address, port, path, local });
}
