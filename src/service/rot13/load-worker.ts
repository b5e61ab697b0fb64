/** One thread of a load: a conversation that blocks, as every thread of a textbook's client does. */
import { parentPort, workerData } from "node:worker_threads";
import { connectSync, isSystemError, type Socket } from "../../socket/index.ts";
import { ownName } from "../client-io.ts";

export interface LoadTask {
  readonly endpoint: string;
  readonly question: Uint8Array;
  readonly answer: Uint8Array;
  /** Messages, one after the other. */
  readonly count: number;
  readonly isDatagram: boolean;
  readonly timeoutMs: number;
}

export interface LoadReport {
  readonly answered: number;
  /** Answers that were not as expected. */
  readonly wrong: number;
  /** Messages without an answer in time. */
  readonly lost: number;
}

const task = workerData as LoadTask;
parentPort?.postMessage(converse(task));

function converse({ endpoint, question, answer, count, isDatagram, timeoutMs }: LoadTask): LoadReport {
  using socket = connectSync(endpoint, { timeoutMs, ...ownName(endpoint) });
  const buffer = new Uint8Array(answer.length + 1);
  let answered = 0;
  let wrong = 0;
  let lost = 0;
  for (let i = 0; i < count; i += 1) {
    socket.sendAllSync(question);
    const length = receive(socket, buffer, isDatagram ? 1 : answer.length, timeoutMs);
    if (length === undefined) lost += 1;
    else if (Buffer.compare(buffer.subarray(0, length), answer) === 0) answered += 1;
    else wrong += 1;
    // What is left of a stream cannot be told apart any more.
    if (!isDatagram && length !== answer.length) return { answered, wrong, lost: lost + count - i - 1 };
  }
  return { answered, wrong, lost };
}

/** At least so many bytes, in one piece or several; undefined for none in time. */
function receive(socket: Socket, buffer: Uint8Array, wanted: number, timeoutMs: number): number | undefined {
  let length = 0;
  try {
    while (length < wanted) {
      const count = socket.recvSync(buffer.subarray(length), { timeoutMs });
      if (count === 0) break;
      length += count;
    }
  } catch (error) {
    if (!isSystemError(error, "ETIMEDOUT")) throw error;
    return undefined;
  }
  return length;
}
