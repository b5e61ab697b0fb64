/** A map of YAML that fits its schema, by its keys. */
import type { Json } from "../../../server/index.ts";
import type { Origin } from "../../model.ts";
import { UNLIMITED } from "./keys.ts";
import { type Located, plain } from "./locate.ts";

const UNITS: Readonly<Record<string, number>> = { K: 1024, M: 1024 ** 2, G: 1024 ** 3 };

type Entries = ReadonlyMap<string, { readonly key: number; readonly entry: Located }>;

export class Fields {
  readonly #map: Entries;
  readonly #file: string;
  readonly #line: number;

  /** @param line what its own faults are told of: where its key is. */
  constructor(located: Located | undefined, file: string, line: number = located?.line ?? 1) {
    this.#map = located?.value instanceof Map ? located.value : new Map();
    this.#file = file;
    this.#line = line;
  }

  has(key: string): boolean {
    return this.#map.has(key);
  }

  /** The value, which the schema says the type of; undefined where it is not there. */
  get<Value>(key: string): Value | undefined {
    const found = this.#map.get(key);
    return found === undefined ? undefined : (plain(found.entry) as Value);
  }

  /** Anything that JSON has. */
  json(key: string): Json {
    return this.get<Json>(key) ?? null;
  }

  /** A number, a size with its unit, or unlimited. */
  count(key: string): number | undefined {
    const value = this.get<number | string>(key);
    if (typeof value !== "string") return value;
    if (value === UNLIMITED) return Number.POSITIVE_INFINITY;
    return Number(value.slice(0, -1)) * (UNITS[value.slice(-1)] ?? 1);
  }

  /** The fields of an inner map; none where it is not there. */
  inner(key: string): Fields {
    return new Fields(this.#map.get(key)?.entry, this.#file);
  }

  entries(key: string): Entries {
    const value = this.#map.get(key)?.entry.value;
    return value instanceof Map ? value : new Map();
  }

  /** A list of texts, each with where it is. */
  texts(key: string): { readonly text: string; readonly origin: Origin }[] {
    const value = this.#map.get(key)?.entry.value;
    if (!Array.isArray(value)) return [];
    return (value as readonly Located[]).map((item) => ({
      text: String(item.value),
      origin: { file: this.#file, line: item.line },
    }));
  }

  /** Where a key is; where the map is for one that is not there. */
  originOf(key: string): Origin {
    return { file: this.#file, line: this.#map.get(key)?.key ?? this.#line };
  }
}
