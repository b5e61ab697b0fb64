/** The gate to the operating system: one function per call, numbers and typed arrays in, the result or `-errno` out. */
export * from "./events.ts";
export { addressOf, type Memory, readText, registerPollCallback, symbolAddress, viewMemory } from "./ffi.ts";
export * from "./io.ts";
export * from "./lookup.ts";
export * from "./memory.ts";
export { type Architecture, architecture } from "./platform.ts";
export * from "./process.ts";
export * from "./sockets.ts";
export * from "./uring.ts";
export * from "./uv.ts";
