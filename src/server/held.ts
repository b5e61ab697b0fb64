/**
 * Whose connections are whose, among the threads of one process. A thread that dies leaves its descriptors open, and the
 * peers behind them waiting for ever: descriptors belong to the process. So each thread marks what it has, in a table that
 * all see, and who outlives it closes what it left.
 */
import { MAX_DESCRIPTORS } from "../reactor/index.ts";
import { close } from "../sys/index.ts";
import { resetOnClose } from "./reset.ts";

/** For each descriptor who has it: a worker's number plus one. Pages of it that are never touched cost nothing. */
export type HeldTable = Uint8Array;

export function createHeldTable(): HeldTable {
  return new Uint8Array(new SharedArrayBuffer(MAX_DESCRIPTORS));
}

/** One thread's marks. */
export class HeldDescriptors {
  readonly #table: HeldTable;
  readonly #mark: number;

  constructor(table: HeldTable, worker: number) {
    this.#table = table;
    this.#mark = worker + 1;
  }

  /** Call it as soon as there is the descriptor. */
  add(fd: number): void {
    this.#table[fd] = this.#mark;
  }

  /** Call it before the descriptor is closed: after that, its number is somebody else's. */
  delete(fd: number): void {
    this.#table[fd] = 0;
  }

  /** When the thread is gone: resets the connections that it left. @returns how many there were */
  closeAll(): number {
    let count = 0;
    for (let fd = this.#table.indexOf(this.#mark); fd >= 0; fd = this.#table.indexOf(this.#mark, fd + 1)) {
      this.#table[fd] = 0;
      resetOnClose(fd);
      close(fd);
      count++;
    }
    return count;
  }
}
