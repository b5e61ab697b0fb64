/**
 * The only file that imports koffi. It turns the binding table into functions, and offers the four things about
 * native memory that JavaScript cannot do. Another foreign-function interface takes koffi's place by changing this file.
 */
// First: where nothing here works, koffi's own complaint would come before the one that says why.
import "./platform.ts";

import { readFileSync } from "node:fs";
import { isMainThread } from "node:worker_threads";
import koffi from "koffi";

/** Memory that a call reads or writes while it runs: a typed array, or the address of memory that does not move. */
export type Memory = Uint8Array | Int32Array | Uint32Array | BigUint64Array | number | null;

// biome-ignore lint/suspicious/noExplicitAny: the prototypes are data; the typed face of each call is in its own file.
export type NativeFunction = (...args: any[]) => number;

/** The types that a prototype in the binding table is written in. */
const KOFFI_TYPES: Readonly<Record<string, string>> = {
  void: "void",
  int: "int",
  uint: "uint",
  long: "intptr_t",
  ulong: "size_t",
  address: "uintptr_t",
  memory: "void *",
  text: "str",
};

/** Everything already in the process: libc (glibc or musl), and the `uv_*` and `napi_*` symbols of Node itself. */
const self = koffi.load(null);

function declare(prototype: string): ReturnType<typeof self.func> {
  const [, result = "", symbol = "", args = ""] = prototype.match(/^(\w+) (\w+)\((.*)\)$/) ?? [];
  const types = args === "" ? [] : args.split(", ");
  return self.func(symbol, koffiType(result), types.map(koffiType));
}

function koffiType(name: string): string {
  const type = KOFFI_TYPES[name];
  if (type === undefined) throw new TypeError(`the binding table has no type named "${name}"`);
  return type;
}

/** Binds every entry of a table; a symbol that this libc does not have is an error that names it. */
export function bindAll<T extends Record<string, string>>(table: T): { readonly [K in keyof T]: NativeFunction } {
  const bound: Record<string, NativeFunction> = {};
  for (const [name, prototype] of Object.entries(table)) {
    bound[name] = declare(prototype) as unknown as NativeFunction;
  }
  return bound as { readonly [K in keyof T]: NativeFunction };
}

/** What a call on another thread returned, and the errno that it left there. */
export interface AsyncResult {
  readonly result: number;
  readonly errno: number;
}

/**
 * Binds one entry to be run on a thread of libuv's pool. koffi refuses a call while some dozens are under way: the caller
 * bounds them.
 *
 * SAFETY: memory arguments must be numbers (addresses of native memory) that live until the promise settles: a
 * typed array would be valid only while the call is being queued.
 */
export function bindAsync(prototype: string): (...args: (number | string | null)[]) => Promise<AsyncResult> {
  const call = declare(prototype);
  return (...args) =>
    new Promise((resolve, reject) => {
      call.async(...args, (error: Error | null, result: number) => {
        // koffi lends this thread the other one's errno while the callback runs, and no longer.
        const left = errno();
        if (error === null) resolve({ result, errno: left });
        else reject(error);
      });
    });
}

/** Whether the process has a symbol: libcs differ. */
export function hasSymbol(name: string): boolean {
  try {
    return self.symbol(name) !== undefined;
  } catch {
    return false;
  }
}

/** The calling thread's errno. Read it right after the call: anything else may change it. */
export const errno: () => number = koffi.errno as () => number;

/**
 * Native memory seen as an ArrayBuffer, without a copy.
 *
 * SAFETY: the buffer dangles once the memory is unmapped or freed; the owner must drop every view first.
 */
export function viewMemory(address: number, sizeBytes: number): ArrayBuffer {
  return koffi.view(address, sizeBytes);
}

/**
 * Where a typed array's bytes are.
 *
 * SAFETY: the address is good while the array is reachable; keep a reference for as long as the kernel has the address.
 */
export function addressOf(array: Uint8Array): number {
  return Number(koffi.address(array));
}

/** A NUL-terminated string in native memory. */
export function readText(address: number): string {
  return koffi.decode.string(address);
}

/** The address of a symbol of the process, such as `uv_poll_stop`. */
export function symbolAddress(name: string): number {
  return Number(self.symbol(name));
}

const pollCallback = koffi.pointer(koffi.proto("void", ["uintptr_t", "int", "int"]));

/** A C function pointer for `uv_poll_start`, and how to give it back. */
export function registerPollCallback(callback: (status: number, events: number) => void): {
  address: number;
  /** Takes the callback's address back from C, which must not call it any more. */
  release: () => void;
} {
  const registered = koffi.register(
    (_handle: unknown, status: number, events: number) => callback(status, events),
    pollCallback,
  );
  return { address: Number(registered), release: () => koffi.unregister(registered) };
}

/** The `napi_env` of this thread, for the two Node-API calls that `uv.ts` makes. */
export function nodeEnvironment(): number {
  return Number(koffi.node.env);
}

/**
 * Where only a worker has loaded koffi, the shared object would be unloaded with that worker while its callbacks are
 * still known to libuv. Opening it once more with RTLD_NODELETE keeps it for the life of the process (dlopen(3)).
 */
function pinInWorker(): void {
  if (isMainThread) return;
  const RTLD_LAZY = 1;
  const RTLD_NODELETE = 0x1000;
  const path = readFileSync("/proc/self/maps", "latin1").match(/\S*koffi\S*\.node/)?.[0];
  const { dlopen } = bindAll({ dlopen: "address dlopen(text, int)" });
  if (path !== undefined) dlopen(path, RTLD_LAZY | RTLD_NODELETE);
}

pinInWorker();
