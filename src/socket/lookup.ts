/**
 * Look-up: names of hosts, services, protocols and interfaces. The functions have C's names. What may have to wait for
 * a name server is asynchronous and runs on libuv's pool; its `…Sync` form blocks the thread.
 */
export { isLookupError, type LookupCause, LookupError, type LookupSubject, listLookupCauses } from "./lookup/errors.ts";
export * from "./lookup/getaddrinfo.ts";
export * from "./lookup/getnameinfo.ts";
export * from "./lookup/hosts.ts";
export * from "./lookup/interfaces.ts";
export * from "./lookup/protocols.ts";
export * from "./lookup/services.ts";
