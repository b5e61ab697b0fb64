/**
 * Sockets that one program has until it ends: a listening socket of a stream service, or the socket of a datagram service.
 * A program that ends without having taken what waited would be started again at once, for ever: such ends are counted, and
 * the service rests when there are too many.
 */
import {
  decodeSockaddr,
  MSG_DONTWAIT,
  MSG_PEEK,
  POLLIN,
  SOCK_DGRAM,
  SOCKADDR_STORAGE,
  type SocketAddress,
} from "../../abi/index.ts";
import type { Socket } from "../../socket/index.ts";
import { ioctl, poll, recvfrom } from "../../sys/index.ts";
import { isTooMany, type Refusal } from "./gate.ts";
import { type Host, type PreparedService, sourceOf } from "./host.ts";
import type { ProgramEnd } from "./programs.ts";
import { Runner } from "./runner.ts";

/**
 * The time at which the datagram that was received last, or looked at, came in: nobody else's has the same. Asking for it
 * once makes the kernel keep it (asm-generic/sockios.h SIOCGSTAMPNS_OLD; struct timespec of two 64-bit words). socket(7)
 */
const SIOCGSTAMPNS = 0x8907;
/** A program that leaves the queue of a stream untouched is told by its ending this soon. */
const AT_ONCE_MS = 1000;

/** Refused datagrams that are thrown away before the other services get their turn. */
const MAX_DROPS_PER_TURN = 64;

export class WaitRunner extends Runner {
  readonly #isDatagram: boolean;
  #head: string | undefined;

  constructor(host: Host, prepared: PreparedService, socket: Socket) {
    super(host, prepared, socket);
    this.#isDatagram = socket.type === SOCK_DGRAM;
    // The program's to use, and programs expect their sockets to block; here nobody reads or accepts.
    socket.setNonBlocking(false);
    this.#lookAtHead();
  }

  protected override comes(): void {
    for (let i = 0; i < MAX_DROPS_PER_TURN; i++) {
      const head = this.#lookAtHead();
      if (this.#isDatagram && head === undefined) return;
      const verdict = this.host.access(this.service, head?.sender, new Date());
      if (verdict === undefined || typeof verdict === "object") {
        if (verdict === undefined) this.#start(head);
        else this.#startLater(head, verdict);
        return;
      }
      this.#refuse(head, verdict);
      // Who connects is known only to the program, so that what is refused there is the time, for all.
      if (!this.#isDatagram) {
        this.rest(`what waits cannot be served (${verdict})`);
        return;
      }
    }
  }

  /** The sender's name has to be looked up; what else comes waits. */
  #startLater(head: Head | undefined, verdict: Promise<Refusal | undefined>): void {
    this.hold();
    const decide = (refusal: Refusal | undefined): void => {
      if (this.state !== "busy") return;
      if (refusal === undefined) this.#start(head);
      else this.#refuse(head, refusal);
      if (refusal !== undefined) this.listen();
    };
    verdict.then(decide, (error: Error) => {
      this.host.record(this.service, { entry: "NOTE", reason: `a look-up failed: ${error.message}` });
      decide("address");
    });
  }

  #refuse(head: Head | undefined, reason: Refusal): void {
    this.refused++;
    this.host.record(this.service, { entry: "FAIL", reason, from: sourceOf(head?.sender) });
    if (this.#isDatagram) recvfrom(this.socket.fd, peeked, 0, MSG_DONTWAIT, null, null);
  }

  #start(head: Head | undefined): void {
    const { gate } = this;
    const from = sourceOf(head?.sender);
    const refusal = gate.arrive(performance.now()) ?? gate.admit(from);
    if (refusal !== undefined) {
      this.refused++;
      this.host.record(this.service, { entry: "FAIL", reason: refusal, from });
      this.rest(isTooMany(refusal) ? gate.tooMany("starts") : `what waits cannot be served (${refusal})`);
      return;
    }
    try {
      const keep = (): void => {};
      this.startProgram(this.socket.fd, [], from, keep, (end) => {
        gate.release(from);
        this.#ended(end);
      });
      this.#head = head?.mark;
      this.hold();
    } catch (error) {
      gate.release(from);
      // Also where it waited for a look-up.
      this.listen();
      this.couldNotStart(error, from);
    }
  }

  #ended(end: ProgramEnd): void {
    if (this.state !== "busy") return;
    const isCrash = end.signal !== undefined || end.status !== 0;
    const isIdle = this.#hasLeftAll(end);
    if ((isCrash || isIdle) && this.gate.fail(performance.now())) {
      const { failures, restSeconds } = this.service.limits;
      const what = isCrash ? "failed" : "ended without taking what waited";
      this.rest(`${failures} programs within ${restSeconds} seconds ${what}`);
      return;
    }
    this.listen();
  }

  /** Whether the program has left what it was started for. */
  #hasLeftAll(end: ProgramEnd): boolean {
    if (this.#isDatagram) return this.#head !== undefined && this.#lookAtHead()?.mark === this.#head;
    return end.durationMs < AT_ONCE_MS && poll(new Int32Array([this.socket.fd, POLLIN]), 1, 0) > 0;
  }

  /** Undefined of a stream, and where nothing waits. */
  #lookAtHead(): Head | undefined {
    if (!this.#isDatagram) return undefined;
    const { fd } = this.socket;
    const look = (): number => {
      nameLength[0] = name.length;
      return recvfrom(fd, peeked, peeked.length, MSG_PEEK | MSG_DONTWAIT, name, nameLength);
    };
    look();
    const first = arrivalOfLast(fd);
    const length = look();
    if (length < 0) return undefined;
    const second = arrivalOfLast(fd);
    const time = first === second ? first : "";
    const sender = name.subarray(0, nameLength[0]);
    const content = Buffer.from(peeked.subarray(0, length)).toString("latin1");
    return {
      mark: `${time} ${Buffer.from(sender).toString("hex")} ${content}`,
      sender: sender.length === 0 ? undefined : decodeSockaddr(sender, 0, sender.length),
    };
  }
}

/**
 * When the datagram came in that was received last, or looked at. For one that came before the kernel had begun to keep such
 * times, which it does only some time after it was asked, it makes up another one with each look.
 */
function arrivalOfLast(fd: number): string {
  const time = new BigUint64Array(2);
  ioctl(fd, SIOCGSTAMPNS, new Uint8Array(time.buffer));
  return time.join(".");
}

/** The first datagram of a queue. */
interface Head {
  /** What tells it from others: its arrival, its sender and how it begins. */
  readonly mark: string;
  readonly sender: SocketAddress | undefined;
}

const PEEKED_BYTES = 64;
const peeked = new Uint8Array(PEEKED_BYTES);
const name = new Uint8Array(SOCKADDR_STORAGE.size);
const nameLength = new Uint32Array(1);
