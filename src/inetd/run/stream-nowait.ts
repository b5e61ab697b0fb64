/** Connections of which each is served by itself: by a program of its own, by a service of ours, or by another endpoint. */
import {
  decodeSockaddr,
  EAGAIN,
  ECONNABORTED,
  EINTR,
  MSG_DONTWAIT,
  MSG_NOSIGNAL,
  SOCK_CLOEXEC,
  SOCKADDR_STORAGE,
  type SocketAddress,
} from "../../abi/index.ts";
import { SystemError } from "../../socket/index.ts";
import { accept4, close, send, shutdown } from "../../sys/index.ts";
import type { Refusal } from "./gate.ts";
import { remoteEnvironment, sourceOf } from "./host.ts";
import { Runner } from "./runner.ts";

/** Connections that are accepted before the other services get their turn. */
const MAX_ACCEPTS_PER_TURN = 16;
const SHUT_WR = 1;
/** How long nobody is accepted after a failure; each time twice as long, so that the log is not filled. */
const FIRST_PAUSE_MS = 1000;
const LONGEST_PAUSE_MS = 8000;

const name = new Uint8Array(SOCKADDR_STORAGE.size);
const nameLength = new Uint32Array(1);

export abstract class ConnectionRunner extends Runner {
  /** Of accept4(2), one after the other. */
  #failures = 0;

  protected override comes(): void {
    for (let i = 0; i < MAX_ACCEPTS_PER_TURN && this.state === "listening"; i++) {
      nameLength[0] = name.length;
      // Blocking, as programs expect their standard input.
      const fd = accept4(this.socket.fd, name, nameLength, SOCK_CLOEXEC);
      if (fd === -EAGAIN) return;
      if (fd === -EINTR || fd === -ECONNABORTED) continue;
      if (fd < 0) {
        this.#restBriefly(fd);
        return;
      }
      this.#failures = 0;
      this.#take(fd, decodeSockaddr(name, 0, nameLength[0]));
    }
  }

  /** There is no descriptor, or no memory: who comes waits in the queue, for what is held now goes sooner or later. */
  #restBriefly(errno: number): void {
    const restMs = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** this.#failures++);
    this.rest(new SystemError("accept4", errno).message, restMs);
  }

  /**
   * Serves a connection, which is the callee's from now on.
   * @param done to be called once, when it is no longer served.
   * @throws SystemError where it cannot be served; the connection is closed already then, and `done` is not called.
   */
  protected abstract serve(fd: number, peer: SocketAddress, done: () => void): void;

  #take(fd: number, peer: SocketAddress): void {
    const source = sourceOf(peer);
    const verdict = this.host.access(this.service, peer, new Date());
    if (verdict === undefined) this.#admit(fd, peer, source);
    else if (typeof verdict === "string") this.#refuse(fd, source, verdict);
    else this.#takeLater(fd, peer, source, verdict);
  }

  #admit(fd: number, peer: SocketAddress, source: string): void {
    const { gate } = this;
    const tooFast = gate.arrive(performance.now());
    const refusal = tooFast ?? gate.admit(source);
    if (refusal !== undefined) this.#refuse(fd, source, refusal);
    else this.#serve(fd, peer, source, () => gate.release(source));
    if (tooFast !== undefined) this.rest(gate.tooMany("connections"));
  }

  /** The peer's name has to be looked up: it counts as one of the instances meanwhile. */
  #takeLater(fd: number, peer: SocketAddress, source: string, verdict: Promise<Refusal | undefined>): void {
    const { gate } = this;
    const tooFast = gate.arrive(performance.now());
    const refusal = tooFast ?? gate.admit(source);
    if (tooFast !== undefined) this.rest(gate.tooMany("connections"));
    if (refusal !== undefined) {
      this.#refuse(fd, source, refusal);
      return;
    }
    const waiting = { pid: undefined, end: () => {}, kill: () => {} };
    this.ongoing.add(waiting);
    const decide = (refused: Refusal | undefined): void => {
      if (refused === undefined && this.state !== "stopped") {
        this.#serve(fd, peer, source, () => gate.release(source));
      } else {
        gate.release(source);
        this.#refuse(fd, source, refused ?? "address");
      }
      this.settle(waiting);
    };
    verdict.then(decide, (error: Error) => {
      this.host.record(this.service, { entry: "NOTE", reason: `a look-up failed: ${error.message}` });
      decide("address");
    });
  }

  #serve(fd: number, peer: SocketAddress, source: string, release: () => void): void {
    const { always, onSuccess } = this.prepared.banners;
    sendNow(fd, always);
    sendNow(fd, onSuccess);
    try {
      this.serve(fd, peer, release);
    } catch (error) {
      release();
      this.couldNotStart(error, source);
    }
  }

  #refuse(fd: number, from: string, reason: Refusal): void {
    this.refused++;
    this.host.record(this.service, { entry: "FAIL", reason, from });
    const { always, onFailure } = this.prepared.banners;
    sendNow(fd, always);
    sendNow(fd, onFailure);
    if (always !== undefined || onFailure !== undefined) shutdown(fd, SHUT_WR);
    close(fd);
  }
}

/** A program for each connection. */
export class ProgramConnections extends ConnectionRunner {
  protected override serve(fd: number, peer: SocketAddress, done: () => void): void {
    this.startProgram(fd, remoteEnvironment(peer), sourceOf(peer), () => close(fd), done);
  }
}

/** What a fresh connection's buffer has room for; the rest of a longer text is lost. */
function sendNow(fd: number, bytes: Uint8Array | undefined): void {
  if (bytes !== undefined) send(fd, bytes, bytes.length, MSG_DONTWAIT | MSG_NOSIGNAL);
}
