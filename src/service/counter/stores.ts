/**
 * Where the counter's total can live, and what keeps additions from being lost there.
 *
 * An addition is two steps, read and write, and is lost when somebody else writes between them. The cures: nobody else
 * can run meanwhile (a variable in one loop), both steps are one instruction (Atomics.add), or who comes second waits
 * (a mutex, flock). Every store here is made of the same two steps, and `race` leaves the cure out.
 */
import { closeSync, openSync, readFileSync, writeSync } from "node:fs";
import { EINTR, errnoMessage, errnoName } from "../../abi/index.ts";
import type { CounterStore } from "../../protocol/index.ts";
import { flock } from "../../sys/index.ts";

/** A word for the mutex, and the total behind it. */
export const COUNTER_MEMORY_BYTES = 16;

/** No lock, and this time between reading and writing. */
export interface Race {
  readonly thinkUs: number;
}

/** A total that is read whole and written whole; nothing is promised of what happens between. */
interface Cell {
  get(): number;
  set(total: number): void;
}

/** Runs something while nobody else who asks the same lock does. */
type Lock = <Result>(run: () => Result) => Result;

const noLock: Lock = (run) => run();

/** A variable of this thread. Right where one loop serves everybody; threads and processes each have their own. */
export function variableStore(race?: Race): CounterStore {
  let total = 0;
  const cell: Cell = {
    get: () => total,
    set: (value) => {
      total = value;
    },
  };
  return storeOf(cell, noLock, race);
}

/** Memory that all threads of the server see. */
export function memoryStore(memory: SharedArrayBuffer, cure: "atomics" | "mutex", race?: Race): CounterStore {
  const words = new Int32Array(memory, 0, 1);
  const totals = new BigInt64Array(memory, TOTAL_AT, 1);
  const read = (): number => Number(Atomics.load(totals, 0));
  if (cure === "atomics" && race === undefined) {
    return { add: (amount) => Number(Atomics.add(totals, 0, BigInt(amount))) + amount, read };
  }
  const cell: Cell = { get: read, set: (total) => void Atomics.store(totals, 0, BigInt(total)) };
  return storeOf(cell, (run) => holdMutex(words, run), race);
}

/**
 * A file with the total as text. Every process that has its path shares it, and it outlives them all.
 * @throws Error with a code where it cannot be opened.
 */
export function fileStore(path: string, race?: Race): CounterStore {
  const cell: Cell = { get: () => readTotal(path), set: (total) => writeTotal(path, total) };
  return storeOf(cell, (run) => holdFile(path, run), race);
}

const TOTAL_AT = 8;

function storeOf(cell: Cell, lock: Lock, race: Race | undefined): CounterStore {
  const steps = (amount: number): number => {
    const total = cell.get() + amount;
    if (race !== undefined) think(race.thinkUs);
    cell.set(total);
    return total;
  };
  const held = race === undefined ? lock : noLock;
  return { add: (amount) => held(() => steps(amount)), read: () => held(() => cell.get()) };
}

const pause = new Int32Array(new SharedArrayBuffer(4));
const US_PER_MS = 1000;

/** Sleeps, so that others run even where there is one core. */
function think(us: number): void {
  if (us > 0) Atomics.wait(pause, 0, 0, us / US_PER_MS);
}

const FREE = 0;
const TAKEN = 1;
/** Taken, and somebody waits for it. */
const WANTED = 2;
/** Longer than anybody holds it: who holds it then was ended in the midst of an addition. */
const MUTEX_PATIENCE_MS = 5000;

/**
 * A mutex of three states over the kernel's futex, which Atomics.wait and notify are: nobody who is alone makes a system
 * call (Drepper, "Futexes Are Tricky").
 * @throws Error when it is not given free in time.
 */
function holdMutex<Result>(words: Int32Array, run: () => Result): Result {
  if (Atomics.compareExchange(words, 0, FREE, TAKEN) !== FREE) {
    while (Atomics.exchange(words, 0, WANTED) !== FREE) {
      if (Atomics.wait(words as Int32Array<SharedArrayBuffer>, 0, WANTED, MUTEX_PATIENCE_MS) === "timed-out") {
        throw new Error(`the counter's mutex was held for ${MUTEX_PATIENCE_MS} ms: its thread has died`);
      }
    }
  }
  try {
    return run();
  } finally {
    if (Atomics.exchange(words, 0, FREE) === WANTED) Atomics.notify(words, 0, 1);
  }
}

/** sys/file.h: an exclusive lock. It belongs to the open file, so each who wants it opens the file, and closing frees it. */
const LOCK_EX = 2;

function holdFile<Result>(path: string, run: () => Result): Result {
  const fd = openSync(path, "a");
  try {
    let result: number;
    do result = flock(fd, LOCK_EX);
    while (result === -EINTR);
    if (result < 0) throw flockError(-result, path);
    return run();
  } finally {
    closeSync(fd);
  }
}

function flockError(errno: number, path: string): Error {
  const code = errnoName(errno);
  return Object.assign(new Error(`flock ${path}: ${code}, ${errnoMessage(errno)}`), { code, syscall: "flock", path });
}

/** Digits of the largest total: a file of one length is written over, never cut, so nobody reads half of it. */
const TOTAL_DIGITS = 16;

function readTotal(path: string): number {
  let text: string;
  try {
    text = readFileSync(path, "latin1");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return 0;
    throw error;
  }
  if (/^\d{0,16}\n?$/.test(text)) return Number(text);
  throw new RangeError(
    `${path} holds no total, but ${JSON.stringify(text.slice(0, TOTAL_DIGITS))}; choose another file`,
  );
}

function writeTotal(path: string, total: number): void {
  // Opened for writing without cutting it, and made if there is none: "a" does both, but writes only at the end.
  closeSync(openSync(path, "a"));
  const fd = openSync(path, "r+");
  try {
    writeSync(fd, `${String(total).padStart(TOTAL_DIGITS, "0")}\n`, 0);
  } finally {
    closeSync(fd);
  }
}
