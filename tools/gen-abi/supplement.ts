export interface Supplement {
  readonly name: string;
  readonly value: number;
  /** Where the value is from: the kernel's file, and the first release that has it. */
  readonly source: string;
}

export const SUPPLEMENT: readonly Supplement[] = [];
