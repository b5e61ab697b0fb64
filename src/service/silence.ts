/** Watches over a peer that owes something: when nothing happens for too long, the wait for it ends. */
export class Silence implements Disposable {
  /** Aborted by silence, by a failure, or with the caller's own signal. */
  readonly signal: AbortSignal;
  /** Whether silence was what ended it. */
  expired = false;
  readonly #controller = new AbortController();
  readonly #timeoutMs: number;
  #timer: NodeJS.Timeout | undefined;
  /** Who still sends when all is over must not keep the program waiting. */
  #isOver = false;

  constructor(signal: AbortSignal, timeoutMs: number) {
    this.signal = AbortSignal.any([signal, this.#controller.signal]);
    this.#timeoutMs = timeoutMs;
  }

  /** From now on something is owed; begins anew at each call. */
  watch(): void {
    if (this.#isOver) return;
    if (this.#timer !== undefined) {
      this.#timer.refresh();
      return;
    }
    this.#timer = setTimeout(() => {
      this.expired = true;
      this.#controller.abort(new Error(`silent for ${this.#timeoutMs} ms`));
    }, this.#timeoutMs);
  }

  /** Nothing is owed. */
  rest(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  /** Ends the wait for another reason. */
  fail(reason: unknown): void {
    this.#controller.abort(reason);
  }

  [Symbol.dispose](): void {
    this.#isOver = true;
    this.rest();
  }
}
