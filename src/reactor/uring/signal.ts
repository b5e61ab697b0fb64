/**
 * The eventfd by which a ring tells a host that there is work, while the host waits elsewhere.
 *
 * A write to an eventfd that the ring watches comes to the ring from within that write, where the kernel signals no other
 * eventfd: it leaves that for a moment later, and notes that it has. It does not take the note back (seen on Linux 6.18,
 * IO_EVENTFD_OP_SIGNAL_BIT), so that each further one is taken for one that is on its way already, and is lost. A fresh
 * registration has no such note: whoever has heard of an eventfd registers anew before the next rest.
 */
import { EFD_CLOEXEC, EFD_NONBLOCK, IORING_REGISTER_EVENTFD, IORING_UNREGISTER_EVENTFD } from "../../abi/index.ts";
import { eventfd, io_uring_register, read } from "../../sys/index.ts";
import { check } from "../check.ts";
import { closeKept, keepDescriptor } from "../descriptor.ts";
import { allowed } from "./refusal.ts";
import type { Ring } from "./ring.ts";

export class RestSignal {
  readonly fd: number;
  readonly #ring: Ring;
  #isStale = false;

  /** @throws UringRefused where the kernel or a sandbox refuses; Error with `code` where there is no descriptor. */
  constructor(ring: Ring) {
    this.#ring = ring;
    this.fd = keepDescriptor(check("eventfd", eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)));
    try {
      this.#register();
    } catch (error) {
      this.dispose();
      throw error;
    }
    ring.eventfdEnabled = false;
  }

  /** A write to an eventfd may have been what the ring was told of. */
  doubt(): void {
    this.#isStale = true;
  }

  /** From now on the host is told. */
  enable(): void {
    if (this.#isStale) {
      this.#isStale = false;
      io_uring_register(this.#ring.fd, IORING_UNREGISTER_EVENTFD, null, 0);
      this.#register();
    }
    this.#ring.eventfdEnabled = true;
  }

  disable(): void {
    this.#ring.eventfdEnabled = false;
    read(this.fd, new BigUint64Array(1), 8);
  }

  dispose(): void {
    closeKept(this.fd);
  }

  #register(): void {
    const registered = new Int32Array([this.fd]);
    allowed("io_uring_register", io_uring_register(this.#ring.fd, IORING_REGISTER_EVENTFD, registered, 1));
  }
}
