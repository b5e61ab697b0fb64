/**
 * Answers of a batch of datagrams, gathered for one sendmmsg. What goes to one peer in a row, in one size, is one answer,
 * which the kernel cuts (`segments.ts`); where it will not, the datagrams are sent one by one.
 */
import { EAGAIN, EINTR, IOVEC, MMSGHDR, MSG_DONTWAIT } from "../abi/index.ts";
import { sendmmsgAt } from "../sys/index.ts";
import { add, BYTES_OUT, type Counters, DATAGRAMS_DROPPED, DATAGRAMS_OUT } from "./counters.ts";
import {
  ARENA_BYTES,
  CONTROL_WORD,
  CONTROLLEN_WORD,
  type DatagramMemory,
  HEADER_WORDS,
  IOV_WORD,
  IOVLEN_WORD,
  MAX_PIECES,
  NAME_WORD,
  NAMELEN_WORD,
  OUT_CONTROL_BYTES,
  SIZE_WORD,
} from "./datagram-memory.ts";
import { CUT_BYTES, cannotCut, MAX_RUN_BYTES, MAX_SEGMENTS, SAFE_SEGMENT_BYTES, storeCut } from "./segments.ts";

/** A received message that is being answered. */
export interface Question {
  /** Its place among those received together. */
  message: number;
  /** The size of its segments, if it is a run; else 0. */
  segmentBytes: number;
  /** What is to be said of the address that was asked: a word in the memory, and a length; 0 for nothing. */
  askedWord: number;
  askedLength: number;
}

export class DatagramAnswers {
  readonly #memory: DatagramMemory;
  readonly #words: Uint32Array;
  readonly #fd: number;
  readonly #counters: Counters;
  #mayCut: boolean;
  #arenaUsed = 0;
  /** Answers, and the pieces of memory that they are made of. */
  #answers = 0;
  #pieces = 0;
  /** Of each answer: how many datagrams it is, of what size, and what it measures. */
  readonly #counts = new Uint16Array(MAX_PIECES);
  readonly #sizes = new Int32Array(MAX_PIECES);
  readonly #lengths = new Int32Array(MAX_PIECES);
  /** Bytes that have left in the flush in hand. */
  #bytesSent = 0;
  /** Of the last answer: the message that it goes back to, its datagrams, their size, what it measures and where it ends, … */
  #lastTo = 0;
  #lastCount = 0;
  #lastSize = 0;
  #lastLength = 0;
  #lastEnd = 0;
  /** … and whether another datagram may join it. */
  #isOpen = false;

  /** @param mayCut whether answers in a row may be one */
  constructor(memory: DatagramMemory, fd: number, counters: Counters, mayCut: boolean) {
    this.#memory = memory;
    this.#words = memory.words;
    this.#fd = fd;
    this.#counters = counters;
    this.#mayCut = mayCut;
  }

  get isEmpty(): boolean {
    return this.#answers === 0;
  }

  /** Adds a datagram: bytes of the memory, which stay where they are until they are sent, or others, which are copied. */
  add(to: Question, bytes: Uint8Array, start: number, end: number): void {
    const length = end - start;
    let offset = start;
    if (bytes !== this.#memory.bytes) {
      if (length > ARENA_BYTES) throw new RangeError(`an answer of ${length} bytes is no datagram`);
      if (this.#arenaUsed + length > ARENA_BYTES) this.flush();
      offset = this.#memory.arena + this.#arenaUsed;
      this.#memory.bytes.set(bytes.subarray(start, end), offset);
      this.#arenaUsed += length;
    }
    if (this.#pieces === MAX_PIECES) this.flush();
    if (this.#isOpen && this.#mayJoin(to, length)) this.#join(offset, length);
    else this.#begin(to, offset, length);
  }

  #begin(to: Question, offset: number, length: number): void {
    const answer = this.#answers++;
    const vector = this.#memory.outVectors + this.#pieces++ * IOVEC.size;
    this.#memory.storeVector(vector, offset, length);
    const header = this.#headerWord(answer);
    this.#memory.storeAddress(header + NAME_WORD, this.#memory.nameOf(to.message));
    this.#words[header + NAMELEN_WORD] = this.#memory.nameLength(to.message);
    this.#memory.storeAddress(header + IOV_WORD, vector);
    this.#words[header + IOVLEN_WORD] = 1;
    this.#words[header + CONTROLLEN_WORD] = 0;
    if (to.askedLength > 0) this.#storeAsked(header, answer, to);
    this.#counts[answer] = 1;
    this.#sizes[answer] = length;
    this.#lengths[answer] = length;
    this.#lastTo = to.message;
    this.#lastCount = 1;
    this.#lastSize = length;
    this.#lastLength = length;
    this.#lastEnd = offset + length;
    // A run of longer datagrams goes the way that one came.
    this.#isOpen = this.#mayCut && length > 0 && (length <= SAFE_SEGMENT_BYTES || length === to.segmentBytes);
  }

  /** Whether a datagram goes to whom the last answer goes, and cutting both into its size would give it back. */
  #mayJoin(to: Question, length: number): boolean {
    return (
      length > 0 &&
      length <= this.#lastSize &&
      this.#lastCount < MAX_SEGMENTS &&
      this.#lastLength + length <= MAX_RUN_BYTES &&
      (this.#lastTo === to.message || (to.askedLength === 0 && this.#memory.isSameName(this.#lastTo, to.message)))
    );
  }

  #join(offset: number, length: number): void {
    const last = this.#answers - 1;
    if (offset === this.#lastEnd) {
      const size = (this.#memory.outVectors + (this.#pieces - 1) * IOVEC.size) / 4 + SIZE_WORD;
      this.#words[size] = (this.#words[size] as number) + length;
    } else {
      const count = this.#headerWord(last) + IOVLEN_WORD;
      this.#memory.storeVector(this.#memory.outVectors + this.#pieces++ * IOVEC.size, offset, length);
      this.#words[count] = (this.#words[count] as number) + 1;
    }
    if (this.#lastCount === 1) this.#cut(last, this.#lastSize);
    this.#lastEnd = offset + length;
    this.#lastLength += length;
    this.#lengths[last] = this.#lastLength;
    this.#counts[last] = ++this.#lastCount;
    // Only the last segment may be shorter.
    if (length < this.#lastSize) this.#isOpen = false;
  }

  /** Has the kernel cut an answer, in front of what else it is told of it. */
  #cut(answer: number, size: number): void {
    const header = this.#headerWord(answer);
    const control = this.#controlOf(answer);
    storeCut(this.#words, control / 4, size);
    this.#memory.storeAddress(header + CONTROL_WORD, control);
    this.#words[header + CONTROLLEN_WORD] = CUT_BYTES + (this.#words[header + CONTROLLEN_WORD] as number);
  }

  /** Has an answer leave from the address that was asked. */
  #storeAsked(header: number, answer: number, { askedWord, askedLength }: Question): void {
    const control = this.#controlOf(answer) + CUT_BYTES;
    this.#words.copyWithin(control / 4, askedWord, askedWord + askedLength / 4);
    this.#memory.storeAddress(header + CONTROL_WORD, control);
    this.#words[header + CONTROLLEN_WORD] = askedLength;
  }

  /** Sends what is gathered. A datagram that the kernel refuses is dropped and counted, as the network would. */
  flush(): void {
    const all = this.#answers;
    let [done, sent, dropped] = [0, 0, 0];
    while (done < all) {
      const count = this.#send(done, all - done);
      if (count > 0) {
        for (const end = done + count; done < end; done++) {
          sent += this.#counts[done] as number;
          this.#bytesSent += this.#lengths[done] as number;
        }
      } else if (count === -EAGAIN) {
        // A full buffer refuses the rest too.
        for (; done < all; done++) dropped += this.#counts[done] as number;
      } else if (count !== -EINTR) {
        const datagrams = this.#counts[done] as number;
        const apart = datagrams > 1 && cannotCut(-count) ? this.#sendApart(done) : 0;
        sent += apart;
        dropped += datagrams - apart;
        done++;
      }
    }
    add(this.#counters, DATAGRAMS_OUT, sent);
    add(this.#counters, DATAGRAMS_DROPPED, dropped);
    add(this.#counters, BYTES_OUT, this.#bytesSent);
    this.#bytesSent = 0;
    this.#answers = 0;
    this.#pieces = 0;
    this.#isOpen = false;
    this.#arenaUsed = 0;
  }

  /** Sends the datagrams of an answer that cannot be cut, and joins none any more. @returns how many left */
  #sendApart(answer: number): number {
    this.#mayCut = false;
    const memory = this.#memory;
    const words = this.#words;
    const from = this.#headerWord(answer);
    const header = this.#headerWord(MAX_PIECES);
    const vector = memory.outVectors + MAX_PIECES * IOVEC.size;
    words.copyWithin(header, from, from + HEADER_WORDS);
    memory.storeAddress(header + IOV_WORD, vector);
    words[header + IOVLEN_WORD] = 1;
    memory.storeAddress(header + CONTROL_WORD, this.#controlOf(answer) + CUT_BYTES);
    words[header + CONTROLLEN_WORD] = (words[from + CONTROLLEN_WORD] as number) - CUT_BYTES;
    const size = this.#sizes[answer] as number;
    const first = memory.loadAddress(from + IOV_WORD);
    let sent = 0;
    for (let i = 0; i < (words[from + IOVLEN_WORD] as number); i++) {
      const piece = first + i * IOVEC.size;
      const start = memory.vectorStart(piece);
      const end = start + memory.vectorLength(piece);
      for (let at = start; at < end; at += size) {
        const length = Math.min(size, end - at);
        memory.storeVector(vector, at, length);
        if (this.#send(MAX_PIECES, 1) !== 1) continue;
        sent++;
        this.#bytesSent += length;
      }
    }
    return sent;
  }

  #send(answer: number, count: number): number {
    const address = this.#memory.region.address + this.#memory.outHeaders + answer * MMSGHDR.size;
    // SAFETY: headers, vectors, names, control data and bytes lie in one region that lives until it is disposed of.
    return sendmmsgAt(this.#fd, address, count, MSG_DONTWAIT);
  }

  #headerWord(answer: number): number {
    return this.#memory.outHeaders / 4 + answer * HEADER_WORDS;
  }

  #controlOf(answer: number): number {
    return this.#memory.outControl + answer * OUT_CONTROL_BYTES;
  }
}
