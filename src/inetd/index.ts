/** `portolan/inetd`: the super-server, which listens for many services and starts what answers when somebody comes. */
export type * from "./model.ts";
export { DEFAULT_GLOBAL, DEFAULT_SERVICE_LIMITS } from "./model.ts";
