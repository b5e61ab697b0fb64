/** The few libuv and Node-API calls that let Node's own loop watch a descriptor of ours. Results are libuv's. */
import { bindAll, nodeEnvironment } from "./ffi.ts";
import { uvTable } from "./table.ts";

const native = bindAll(uvTable);

/** The libuv loop of the calling thread, main or worker; 0 where Node-API refuses. */
export function uvEventLoop(): number {
  const out = new BigUint64Array(1);
  return native.napi_get_uv_event_loop(nodeEnvironment(), out) === 0 ? Number(out[0]) : 0;
}

/** The size in bytes of a handle of this type in the libuv that runs. */
export function uv_handle_size(type: number): number {
  return native.uv_handle_size(type);
}

/** SAFETY: `handle` is zeroed memory of {@link uv_handle_size} that lives until its close callback has run. */
export function uv_poll_init(loop: number, handle: number, fd: number): number {
  return native.uv_poll_init(loop, handle, fd);
}

/** `callback` is a C function pointer. SAFETY: it stays registered until {@link uv_poll_stop}. */
export function uv_poll_start(handle: number, events: number, callback: number): number {
  return native.uv_poll_start(handle, events, callback);
}

/** Stops to watch; the handle may be started again. */
export function uv_poll_stop(handle: number): number {
  return native.uv_poll_stop(handle);
}

/**
 * `callback` is a C function pointer, which gets the handle when libuv touches it no more. SAFETY: it must not be freed
 * before.
 */
export function uv_close(handle: number, callback: number): void {
  native.uv_close(handle, callback);
}

/** The handle keeps the loop alive from now on. */
export function uv_ref(handle: number): void {
  native.uv_ref(handle);
}

/** The handle no longer keeps the loop alive. */
export function uv_unref(handle: number): void {
  native.uv_unref(handle);
}

/** Calls the C function at `hook` with `argument` when this thread's environment ends. */
export function addCleanupHook(hook: number, argument: number): number {
  return native.napi_add_env_cleanup_hook(nodeEnvironment(), hook, argument);
}

/** Takes back what {@link addCleanupHook} asked for. */
export function removeCleanupHook(hook: number, argument: number): number {
  return native.napi_remove_env_cleanup_hook(nodeEnvironment(), hook, argument);
}
