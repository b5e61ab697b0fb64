/** What a kind of option value is: how it is written for the kernel and read from it. */

/**
 * A codec. `encode`, `request` and `levelOf` throw TypeError or RangeError naming the option, what it takes and what
 * came; `decode` takes any length and never throws.
 */
export interface KindCodec<Read, Write, Argument = undefined> {
  /** The bytes that reading needs room for. */
  readonly sizeBytes: number;
  /** The bytes that the kernel counts as one in the option's length; 1 where it counts bytes. */
  readonly lengthUnitBytes?: number;
  /** The kernel refuses more room than the value fills, so that less and less is offered. */
  readonly exactLength?: boolean;
  encode(option: string, value: Write): Uint8Array;
  decode(bytes: Uint8Array): Read;
  /** What the kernel finds in the room: for options whose reading takes an argument. */
  request?(option: string, argument: Argument | undefined): Uint8Array;
  /** The level, of options that are at another one for each address family. */
  levelOf?(option: string, value: Write | Argument): number;
}
