/** The many ways to write the arguments of `send`. */
import { aboutError, invalidArgType, plainError } from "./errors.ts";

export type SendCallback = (error: Error | null, bytes: number) => void;

/** What `send` was asked for. */
export interface SendRequest {
  readonly chunks: readonly Uint8Array[];
  readonly port: unknown;
  readonly address: unknown;
  readonly callback: unknown;
}

/**
 * `(msg, [offset, length,] [port, [address,]] [callback])`.
 * @throws ERR_INVALID_ARG_TYPE, ERR_BUFFER_OUT_OF_BOUNDS, ERR_SOCKET_DGRAM_IS_CONNECTED
 */
export function readSendArguments(args: readonly unknown[], isConnected: boolean): SendRequest {
  let [message, offset, length, port, address, callback] = args;
  if (!isConnected) {
    if (address || (port && typeof port !== "function")) {
      message = slice(message, offset, length);
    } else {
      callback = port;
      port = offset;
      address = length;
    }
  } else {
    if (typeof length === "number") {
      message = slice(message, offset, length);
      if (typeof port === "function") {
        callback = port;
        port = null;
      }
    } else {
      callback = offset;
    }
    // A callback behind a port and an address lies where offset and length would leave the port.
    if (port || address) throw plainError("ERR_SOCKET_DGRAM_IS_CONNECTED");
  }
  if (typeof address === "function") {
    callback = address;
    address = undefined;
  }
  return { chunks: toChunks(message), port, address, callback };
}

function slice(message: unknown, offset: unknown, length: unknown): Uint8Array {
  const bytes = toBytes(message);
  if (bytes === undefined) throw invalidArgType("buffer", EXPECTED, message);
  const from = Number(offset) >>> 0;
  const size = Number(length) >>> 0;
  if (from > bytes.length) throw outOfBounds("offset");
  if (from + size > bytes.length) throw outOfBounds("length");
  return bytes.subarray(from, from + size);
}

const EXPECTED = "of type string or an instance of Buffer, TypedArray, or DataView";

function outOfBounds(name: string): Error {
  return aboutError(RangeError, "ERR_BUFFER_OUT_OF_BOUNDS", `"${name}" is outside of buffer bounds`);
}

function toChunks(message: unknown): Uint8Array[] {
  if (!Array.isArray(message)) {
    const bytes = toBytes(message);
    if (bytes === undefined) throw invalidArgType("buffer", EXPECTED, message);
    return [bytes];
  }
  return message.map((part) => {
    const bytes = toBytes(part);
    if (bytes === undefined) throw invalidArgType("buffer list arguments", EXPECTED, message);
    return bytes;
  });
}

function toBytes(value: unknown): Uint8Array | undefined {
  if (typeof value === "string") return Buffer.from(value);
  if (value instanceof Uint8Array) return value;
  if (!ArrayBuffer.isView(value)) return undefined;
  return new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
}
