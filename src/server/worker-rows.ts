/**
 * Memory that a server shares with its workers: for each a row of words (how it is told to stop) and of counters; behind
 * the rows, where sources are limited, what counts them, and what counts sources of datagrams. What is not used of it takes no
 * memory: it is never written to.
 *
 * A row has one writer at a time, so counting takes no lock. It outlives its worker: what a worker counted before it was
 * killed stays counted, and its successor counts on. Threads share the memory as it is; processes map one file without a
 * name, which they inherit.
 */
import { randomInt } from "node:crypto";
import { MAP_SHARED, MFD_CLOEXEC, PROT_READ, PROT_WRITE } from "../abi/index.ts";
import { SHARES_WORDS, type SharesMemory, seedShares } from "../protocol/index.ts";
import { checked } from "../socket/index.ts";
import { close, ftruncate, memfd_create, mmap, munmap, viewMemory } from "../sys/index.ts";
import { ACTIVE, type Counters, createCounters } from "./counters.ts";
import { SourceCounts, type SourceShape, sourceBytes } from "./source-counts.ts";

/** One worker's part. */
export interface WorkerRow {
  readonly words: Int32Array;
  readonly counters: Counters;
}

/** Rows of one server; what marks a worker's descriptors has one byte each. */
export const MAX_ROWS = 255;

const WORD_BYTES = 64;
const NS_PER_MS = 1e6;
const COUNTERS = createCounters().length;
const ROW_BYTES: number = WORD_BYTES + Math.ceil((COUNTERS * Float64Array.BYTES_PER_ELEMENT) / 64) * 64;

/** Where workers count their connections by source. */
export interface SourceMemory {
  readonly words: Int32Array;
  readonly shape: SourceShape;
}

export class WorkerRows {
  /** What children inherit; undefined for threads. */
  readonly fd: number | undefined;
  readonly sourceMemory: SourceMemory | undefined;
  /** Where workers count what sources of datagrams were answered. */
  readonly shareWords: Int32Array;
  readonly #rows: readonly WorkerRow[];
  readonly #release: () => void;

  private constructor(
    buffer: ArrayBuffer | SharedArrayBuffer,
    count: number,
    shape: SourceShape | undefined,
    fd?: number,
    release = (): void => {},
  ) {
    this.fd = fd;
    this.sourceMemory = shape && sourcesIn(buffer, count, shape);
    if (this.sourceMemory !== undefined) new SourceCounts(this.sourceMemory.words, this.sourceMemory.shape).seed();
    this.shareWords = sharesIn(buffer, count, shape);
    seedShares(this.shareWords, randomInt(1, 2 ** 31));
    this.#rows = Array.from({ length: count }, (_, index) => rowIn(buffer, index));
    this.#release = release;
  }

  static forThreads(count: number, shape: SourceShape | undefined): WorkerRows {
    return new WorkerRows(new SharedArrayBuffer(sizeOf(count, shape)), count, shape);
  }

  /** @throws SystemError EMFILE, ENOMEM … */
  static forProcesses(count: number, shape: SourceShape | undefined): WorkerRows {
    const sizeBytes = sizeOf(count, shape);
    const fd = checked("memfd_create", memfd_create("portolan workers", MFD_CLOEXEC));
    try {
      checked("ftruncate", ftruncate(fd, sizeBytes));
      const address = mapShared(fd, sizeBytes);
      // SAFETY: mapped until `dispose`, after which nobody asks for a row.
      return new WorkerRows(viewMemory(address, sizeBytes), count, shape, fd, () => {
        munmap(address, sizeBytes);
        close(fd);
      });
    } catch (error) {
      close(fd);
      throw error;
    }
  }

  get count(): number {
    return this.#rows.length;
  }

  row(index: number): WorkerRow {
    return this.#rows[index] as WorkerRow;
  }

  /** Adds all rows to `own`, into `sums`. */
  sum(own: Counters, sums: Counters): void {
    for (let place = 0; place < COUNTERS; place++) {
      let sum = own[place] as number;
      for (const { counters } of this.#rows) sum += counters[place] as number;
      sums[place] = sum;
    }
  }

  /** SAFETY: no worker of this process uses a row any more. */
  dispose(): void {
    this.#release();
  }
}

/** Whoever used the row is gone, and its connections with it. */
export function clearRow({ words, counters }: WorkerRow): void {
  words.fill(0);
  counters[ACTIVE] = 0;
}

/** In a child: the row of a worker, in the memory behind an inherited descriptor. It stays mapped until the child ends. */
export function mapRow(fd: number, index: number): WorkerRow {
  const sizeBytes = (index + 1) * ROW_BYTES;
  // SAFETY: mapped for the life of the process.
  return rowIn(viewMemory(mapShared(fd, sizeBytes), sizeBytes), index);
}

/** In a child: where `count` workers count their connections by source. It stays mapped until the child ends. */
export function mapSources(fd: number, count: number, shape: SourceShape): SourceCounts {
  const sizeBytes = sizeOf(count, shape);
  // SAFETY: mapped for the life of the process.
  const { words } = sourcesIn(viewMemory(mapShared(fd, sizeBytes), sizeBytes), count, shape);
  return new SourceCounts(words, shape);
}

/** In a child: where `count` workers count what sources of datagrams were answered. It stays mapped until the child ends. */
export function mapShares(fd: number, count: number, shape: SourceShape | undefined): Int32Array {
  const sizeBytes = sizeOf(count, shape);
  // SAFETY: mapped for the life of the process.
  return sharesIn(viewMemory(mapShared(fd, sizeBytes), sizeBytes), count, shape);
}

/** In a worker: the memory, with what makes its loop's time that of all (CLOCK_MONOTONIC). */
export function sharesFrom(words: Int32Array): SharesMemory {
  return { words, clockOffsetMs: Number(process.hrtime.bigint()) / NS_PER_MS - performance.now() };
}

function sizeOf(count: number, shape: SourceShape | undefined): number {
  return startOfShares(count, shape) + SHARES_WORDS * Int32Array.BYTES_PER_ELEMENT;
}

function startOfShares(count: number, shape: SourceShape | undefined): number {
  return count * ROW_BYTES + (shape === undefined ? 0 : sourceBytes(shape));
}

function sharesIn(buffer: ArrayBuffer | SharedArrayBuffer, count: number, shape: SourceShape | undefined): Int32Array {
  return new Int32Array(buffer, startOfShares(count, shape), SHARES_WORDS);
}

function sourcesIn(buffer: ArrayBuffer | SharedArrayBuffer, count: number, shape: SourceShape): SourceMemory {
  const words = sourceBytes(shape) / Int32Array.BYTES_PER_ELEMENT;
  return { words: new Int32Array(buffer, count * ROW_BYTES, words), shape };
}

function mapShared(fd: number, sizeBytes: number): number {
  return checked("mmap", mmap(0, sizeBytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0));
}

function rowIn(buffer: ArrayBuffer | SharedArrayBuffer, index: number): WorkerRow {
  const start = index * ROW_BYTES;
  return {
    words: new Int32Array(buffer, start, WORD_BYTES / Int32Array.BYTES_PER_ELEMENT),
    counters: new Float64Array(buffer, start + WORD_BYTES, COUNTERS),
  };
}
