/** Checks of arguments, with Node's codes. Each throws, or returns what it was given with its type known. */
import { badPort, invalidArgType, outOfRange } from "./errors.ts";

/** The longest time that Node's timers keep. */
const LONGEST_TIMEOUT_MS = 2 ** 31 - 1;

export function checkFunction(value: unknown, name: string): void {
  if (typeof value !== "function") throw invalidArgType(name, "of type function", value);
}

export function checkString(value: unknown, name: string): asserts value is string {
  if (typeof value !== "string") throw invalidArgType(name, "of type string", value);
}

export function checkBoolean(value: unknown, name: string): asserts value is boolean {
  if (typeof value !== "boolean") throw invalidArgType(name, "of type boolean", value);
}

export function checkNumber(value: unknown, name: string): asserts value is number {
  if (typeof value !== "number") throw invalidArgType(name, "of type number", value);
}

/** A whole number from `min` to `max`. */
export function checkInteger(value: unknown, name: string, min: number, max: number): asserts value is number {
  checkNumber(value, name);
  if (!Number.isInteger(value)) throw outOfRange(name, "an integer", value);
  if (value < min || value > max) throw outOfRange(name, `>= ${min} && <= ${max}`, value);
}

export function checkAbortSignal(signal: unknown, name: string): asserts signal is AbortSignal {
  if (typeof signal !== "object" || signal === null || !("aborted" in signal)) {
    throw invalidArgType(name, "an instance of AbortSignal", signal);
  }
}

/** A port as a number or as decimal text. */
export function checkPort(port: unknown, name = "Port", allowZero = true): number {
  const isText = typeof port === "string" && port.trim() !== "";
  const number = typeof port === "number" || isText ? +port : Number.NaN;
  if (number !== number >>> 0 || number > 0xffff || (number === 0 && !allowZero)) throw badPort(name, port, allowZero);
  return number;
}

/** A duration in milliseconds; longer than a timer can be is cut, as Node does. */
export function checkDuration(value: unknown, name: string): number {
  checkNumber(value, name);
  if (!(value >= 0 && Number.isFinite(value))) throw outOfRange(name, "a non-negative finite number", value);
  return Math.min(value, LONGEST_TIMEOUT_MS);
}
