/** Chance that can be repeated: what a seed gives, it gives again. */

/** The seed of this run: `PORTOLAN_SEED` where it is set, so that a failure can be seen again, or a new one. */
export function seedOfThisRun(): number {
  const asked = Number(process.env.PORTOLAN_SEED);
  return Number.isInteger(asked) && asked > 0 ? asked : 1 + Math.floor(Math.random() * 0x7fff_fffe);
}

/** Random numbers from a seed: a counter that goes through the finalizer of SplitMix32. */
export class Chance {
  #state: number;

  constructor(seed: number) {
    this.#state = seed | 0;
  }

  /** A whole number from `least` to `most`, both included. */
  between(least: number, most: number): number {
    this.#state = (this.#state + 0x9e3779b9) | 0;
    let mixed = this.#state;
    mixed = Math.imul(mixed ^ (mixed >>> 16), 0x21f0aaad);
    mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a2d97);
    return least + (((mixed ^ (mixed >>> 15)) >>> 0) % (most - least + 1));
  }

  oneOf<T>(choices: readonly T[]): T {
    return choices[this.between(0, choices.length - 1)] as T;
  }

  bytes(length: number): Buffer {
    const bytes = Buffer.alloc(length);
    for (let at = 0; at < length; at += 1) bytes[at] = this.between(0, 255);
    return bytes;
  }
}
