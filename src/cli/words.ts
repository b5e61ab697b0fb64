/** Values that are words of a closed set: what reads them knows them all, so that completion offers just what is read. */

/** The words that a value is chosen from. */
export interface Words {
  readonly words: readonly string[];
  /** Whether several may be given, separated by commas. */
  readonly isList: boolean;
}

type Reader<Value> = (text: string) => Value;

const known = new WeakMap<object, Words>();

/** A reader of one of these words. */
export function oneOf<Value>(words: readonly string[], read: Reader<Value>): Reader<Value> {
  return knowing({ words, isList: false }, (text) => read(text));
}

/** A reader of some of these words, separated by commas. */
export function someOf<Value>(words: readonly string[], read: Reader<Value>): Reader<Value> {
  return knowing({ words, isList: true }, (text) => read(text));
}

/** Notes what a reader chooses from, if that is known. */
export function knowing<Read extends object>(words: Words | undefined, read: Read): Read {
  if (words !== undefined) known.set(read, words);
  return read;
}

/** The words that a reader chooses from; undefined where it takes others too. */
export function wordsOf(read: object | undefined): Words | undefined {
  return read === undefined ? undefined : known.get(read);
}
