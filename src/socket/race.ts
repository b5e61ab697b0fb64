/**
 * Connects to whichever address of a host answers first, as RFC 8305 has it: `happy-eyeballs.ts` says what to try when,
 * and this does it, in real time, and clears up after the losers.
 */
import { HappyEyeballs, type HappyEyeballsOptions } from "./happy-eyeballs.ts";

/** What a race needs to know of the world. */
export interface RaceOptions<Address, Result> extends HappyEyeballsOptions {
  /** Tries one address; the signal is aborted when another has won, or the race is called off. */
  readonly attempt: (address: Address, signal: AbortSignal) => Promise<Result>;
  /** Takes back what an attempt brought that had lost already. */
  readonly dispose: (result: Result) => void;
  /** The error for a race without a winner. `errors` is in the order of the attempts. */
  readonly failed: (errors: readonly unknown[], addresses: readonly Address[]) => unknown;
  /** Aborting it calls the race off; it is rejected with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
  /** When, on the clock of `performance.now()`, the race is called off. */
  readonly deadlineMs?: number | undefined;
  /** The error for a race that is called off at its deadline. */
  readonly expired: (errors: readonly unknown[], addresses: readonly Address[]) => unknown;
}

/**
 * Runs a race.
 * @param lookUp begins the look-ups; each gives addresses of the host; one that fails counts only when no other has any.
 * @returns the first result.
 */
export function race<Address extends { readonly family: string }, Result>(
  lookUp: () => readonly Promise<readonly Address[]>[],
  options: RaceOptions<Address, Result>,
): Promise<Result> {
  return new Promise((resolve, reject) => {
    options.signal?.throwIfAborted();
    new Race(options, resolve, reject).run(lookUp);
  });
}

/** setTimeout's longest; a longer wait is cut in pieces. */
const MAX_TIMER_MS = 0x7fffffff;

class Race<Address extends { readonly family: string }, Result> {
  readonly #options: RaceOptions<Address, Result>;
  readonly #core: HappyEyeballs<Address>;
  readonly #resolve: (result: Result) => void;
  readonly #reject: (reason: unknown) => void;
  readonly #underWay = new Set<AbortController>();
  readonly #tried: Address[] = [];
  readonly #errors: unknown[] = [];
  #lookupError: unknown;
  #timer: NodeJS.Timeout | undefined;
  #over = false;

  constructor(
    options: RaceOptions<Address, Result>,
    resolve: (result: Result) => void,
    reject: (reason: unknown) => void,
  ) {
    this.#options = options;
    this.#core = new HappyEyeballs(options);
    this.#resolve = resolve;
    this.#reject = reject;
  }

  run(lookUp: () => readonly Promise<readonly Address[]>[]): void {
    this.#options.signal?.addEventListener("abort", this.#aborted);
    const answers = lookUp().map((lookup) => lookup.then((addresses) => this.#add(addresses), this.#lookupFailed));
    void Promise.all(answers).then(() => {
      this.#core.end(performance.now());
      this.#pump();
    });
    this.#pump();
  }

  readonly #aborted = (): void => {
    this.#finish();
    this.#reject(this.#options.signal?.reason);
  };

  readonly #lookupFailed = (error: unknown): void => {
    this.#lookupError ??= error;
  };

  #add(addresses: readonly Address[]): void {
    this.#core.add(addresses, performance.now());
    this.#pump();
  }

  /** Begins what is due, and sets the timer for what will be. */
  readonly #pump = (): void => {
    if (this.#over) return;
    const { deadlineMs = Number.POSITIVE_INFINITY, expired, failed } = this.#options;
    if (performance.now() >= deadlineMs) {
      this.#finish();
      this.#reject(expired(this.#errorsInOrder(), this.#tried));
      return;
    }
    for (let address = this.#core.next(performance.now()); address !== undefined; ) {
      this.#begin(address);
      address = this.#core.next(performance.now());
    }
    if (this.#core.isExhausted) {
      this.#finish();
      if (this.#tried.length > 0) this.#reject(failed(this.#errorsInOrder(), this.#tried));
      else this.#reject(this.#lookupError ?? new RangeError("the look-up gave no address"));
      return;
    }
    clearTimeout(this.#timer);
    const wakeAtMs = Math.min(this.#core.wakeAtMs, deadlineMs);
    if (wakeAtMs === Number.POSITIVE_INFINITY) return;
    const delayMs = Math.ceil(Math.max(0, wakeAtMs - performance.now()));
    this.#timer = setTimeout(this.#pump, Math.min(delayMs, MAX_TIMER_MS));
  };

  #begin(address: Address): void {
    const index = this.#tried.push(address) - 1;
    const controller = new AbortController();
    this.#underWay.add(controller);
    this.#options.attempt(address, controller.signal).then(
      (result) => {
        this.#underWay.delete(controller);
        this.#won(result);
      },
      (error: unknown) => {
        this.#underWay.delete(controller);
        if (this.#over) return;
        this.#errors[index] = error;
        this.#core.failed(performance.now());
        this.#pump();
      },
    );
  }

  #won(result: Result): void {
    if (this.#over) {
      this.#options.dispose(result);
      return;
    }
    this.#finish();
    this.#resolve(result);
  }

  /** Errors of the attempts that have ended, in the order in which the attempts began. */
  #errorsInOrder(): unknown[] {
    return this.#errors.filter(() => true);
  }

  #finish(): void {
    this.#over = true;
    clearTimeout(this.#timer);
    this.#options.signal?.removeEventListener("abort", this.#aborted);
    for (const controller of this.#underWay) controller.abort();
    this.#underWay.clear();
  }
}
