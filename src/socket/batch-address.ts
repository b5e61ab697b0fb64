/** The sender of a datagram in a batch, read where the kernel wrote it: one object shows one address after another. */
import {
  AF_INET,
  AF_INET6,
  AF_UNSPEC,
  decodeSockaddr,
  readU16,
  SOCKADDR_IN,
  SOCKADDR_IN6,
  type SocketAddress,
} from "../abi/index.ts";

/**
 * An address in the memory of a batch. Its getters make nothing new; `toAddress` and `copy` do, for what is to be kept:
 * after the next `batch.address(i)` this object shows another address.
 */
export class BatchAddress {
  /** The memory of the batch. */
  readonly bytes: Uint8Array;
  #start = 0;
  #length = 0;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
  }

  /** For the batch: shows the struct sockaddr of so many bytes that starts there. */
  move(start: number, length: number): this {
    this.#start = start;
    this.#length = length;
    return this;
  }

  /** Where in `bytes` the struct sockaddr starts. */
  get start(): number {
    return this.#start;
  }

  /** Where it ends. */
  get end(): number {
    return this.#start + this.#length;
  }

  /** AF_INET, AF_INET6, AF_UNIX …; AF_UNSPEC where there is no address. */
  get family(): number {
    return this.#length < 2 ? AF_UNSPEC : readU16(this.bytes, this.#start);
  }

  /** The port; 0 of an address without one. */
  get port(): number {
    const { family } = this;
    if (family !== AF_INET && family !== AF_INET6) return 0;
    // The port is at the same place in both, in network byte order.
    const at = this.#start + SOCKADDR_IN.sin_port;
    return ((this.bytes[at] as number) << 8) | (this.bytes[at + 1] as number);
  }

  /** Where in `bytes` the 4 or 16 bytes of the host start; of another family, what follows the family. */
  get hostStart(): number {
    const { family } = this;
    if (family === AF_INET) return this.#start + SOCKADDR_IN.sin_addr;
    return this.#start + (family === AF_INET6 ? SOCKADDR_IN6.sin6_addr : 2);
  }

  /** Whether a struct sockaddr holds the same address. */
  equals(sockaddr: Uint8Array): boolean {
    if (sockaddr.length !== this.#length) return false;
    for (let i = 0; i < this.#length; i++) if (sockaddr[i] !== this.bytes[this.#start + i]) return false;
    return true;
  }

  /** The address as an object of its own. */
  toAddress(): SocketAddress {
    return decodeSockaddr(this.bytes, this.#start, this.#length);
  }

  /** The struct sockaddr as bytes of its own, to be given to `queue` later. */
  copy(): Uint8Array {
    return this.bytes.slice(this.#start, this.end);
  }
}
