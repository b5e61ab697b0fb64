/** The faces of Node's own modules: `portolan/net` and `portolan/dgram`. */
export * as dgram from "./dgram.ts";
export * as net from "./net.ts";
