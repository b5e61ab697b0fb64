/**
 * A program for each datagram. It cannot have the service's own socket, for all programs together would take each other's
 * datagrams from it. It has one end of a pair that keeps the bounds of messages (unix(7), SOCK_SEQPACKET): the datagram waits
 * there, behind it comes the end of input, and each write goes back to the sender as one datagram.
 */
import {
  AF_UNIX,
  decodeSockaddr,
  EAGAIN,
  EINTR,
  MSG_DONTWAIT,
  MSG_NOSIGNAL,
  POLLIN,
  SOCK_CLOEXEC,
  SOCK_SEQPACKET,
  SOCKADDR_STORAGE,
  type SocketAddress,
} from "../../abi/index.ts";
import { IdleHandler, type Reactor, type Slot } from "../../reactor/index.ts";
import { checked } from "../../socket/index.ts";
import { close, recv, recvfrom, send, sendto, shutdown, socketpair } from "../../sys/index.ts";
import type { Refusal } from "./gate.ts";
import { remoteEnvironment, sourceOf } from "./host.ts";
import { Runner } from "./runner.ts";

/** Datagrams that are taken before the other services get their turn. */
const MAX_DATAGRAMS_PER_TURN = 16;
const MAX_DATAGRAM_BYTES = 65_535;
/** What one program may answer, so that nobody uses a service to flood another. */
const MAX_ANSWERS = 64;
const SHUT_WR = 1;

const bytes = new Uint8Array(MAX_DATAGRAM_BYTES);
const name = new Uint8Array(SOCKADDR_STORAGE.size);
const nameLength = new Uint32Array(1);

/** A datagram that waits for its program. */
interface Waiting {
  readonly bytes: Uint8Array;
  /** The sender's struct sockaddr; empty for a unix socket without a name. */
  readonly name: Uint8Array;
  readonly peer: SocketAddress | undefined;
  readonly source: string;
}

export class DatagramPrograms extends Runner {
  protected override comes(): void {
    for (let i = 0; i < MAX_DATAGRAMS_PER_TURN && this.state === "listening"; i++) {
      nameLength[0] = name.length;
      const length = recvfrom(this.socket.fd, bytes, bytes.length, MSG_DONTWAIT, name, nameLength);
      if (length === -EAGAIN) return;
      // An ICMP error that came back for an earlier answer is no reason to stop.
      if (length < 0) continue;
      const sender = name.slice(0, nameLength[0]);
      const peer = sender.length === 0 ? undefined : decodeSockaddr(sender, 0, sender.length);
      this.#take({ bytes: bytes.slice(0, length), name: sender, peer, source: sourceOf(peer) });
    }
  }

  #take(datagram: Waiting): void {
    const { gate } = this;
    const { source } = datagram;
    const verdict = this.host.access(this.service, datagram.peer, new Date());
    if (typeof verdict === "string") {
      this.#refuse(source, verdict);
      return;
    }
    const tooFast = gate.arrive(performance.now());
    const refusal = tooFast ?? gate.admit(source);
    if (refusal !== undefined) this.#refuse(source, refusal);
    else if (verdict === undefined) this.#start(datagram);
    else this.#startLater(datagram, verdict);
    if (tooFast !== undefined) this.rest(gate.tooMany("datagrams"));
  }

  #startLater(datagram: Waiting, verdict: Promise<Refusal | undefined>): void {
    const waiting = { pid: undefined, end: () => {}, kill: () => {} };
    this.ongoing.add(waiting);
    const decide = (refusal: Refusal | undefined): void => {
      if (refusal === undefined && this.state !== "stopped") this.#start(datagram);
      else {
        this.gate.release(datagram.source);
        this.#refuse(datagram.source, refusal ?? "address");
      }
      this.settle(waiting);
    };
    verdict.then(decide, (error: Error) => {
      this.host.record(this.service, { entry: "NOTE", reason: `a look-up failed: ${error.message}` });
      decide("address");
    });
  }

  #refuse(from: string, reason: Refusal): void {
    this.refused++;
    this.host.record(this.service, { entry: "FAIL", reason, from });
  }

  #start({ bytes: content, name: sender, peer, source }: Waiting): void {
    const { gate } = this;
    const ends = new Int32Array([-1, -1]);
    try {
      checked("socketpair", socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends));
      const [own = -1, theirs = -1] = ends;
      const given = (): void => {
        close(theirs);
        ends[1] = -1;
      };
      send(own, content, content.length, MSG_DONTWAIT | MSG_NOSIGNAL);
      shutdown(own, SHUT_WR);
      this.startProgram(theirs, remoteEnvironment(peer), source, given, () => gate.release(source));
      new Answers(this.reactor, own, this.socket, sender);
      ends[0] = -1;
    } catch (error) {
      gate.release(source);
      this.couldNotStart(error, source);
    } finally {
      for (const fd of ends) if (fd >= 0) close(fd);
    }
  }
}

/** Carries a program's answers to the sender, until the program has closed its end. */
class Answers extends IdleHandler {
  readonly #reactor: Reactor;
  readonly #slot: Slot;
  readonly #fd: number;
  readonly #socket: { readonly fd: number; readonly closed: boolean };
  readonly #to: Uint8Array;
  #left = MAX_ANSWERS;

  constructor(reactor: Reactor, fd: number, socket: { fd: number; closed: boolean }, to: Uint8Array) {
    super();
    this.#reactor = reactor;
    this.#fd = fd;
    this.#socket = socket;
    this.#to = to;
    this.#slot = reactor.attach(fd, this);
    reactor.arm(this.#slot, POLLIN);
  }

  override ready(): void {
    for (;;) {
      const length = recv(this.#fd, bytes, bytes.length, MSG_DONTWAIT);
      if (length === -EINTR) continue;
      if (length === -EAGAIN) break;
      if (length <= 0 || this.#left-- === 0 || this.#socket.closed) {
        this.#reactor.close(this.#slot);
        return;
      }
      // What the kernel refuses is dropped, as the network would.
      const answer = bytes.subarray(0, length);
      if (this.#to.length > 0) sendto(this.#socket.fd, answer, length, MSG_DONTWAIT, this.#to, this.#to.length);
    }
    this.#reactor.arm(this.#slot, POLLIN);
  }

  override failed(): void {
    this.#reactor.close(this.#slot);
  }
}
