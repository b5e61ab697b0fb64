/** Linux's constants, structures and address formats, as numbers and bytes: nothing here talks to a kernel. */
export * from "./arch.ts";
export * from "./byte-order.ts";
export * from "./cmsg.ts";
export * from "./constants.ts";
export * from "./errno.ts";
export * from "./generated/constants.ts";
export * from "./generated/layouts.ts";
export * from "./inet.ts";
export * from "./netlink.ts";
export * from "./sockaddr.ts";
export * from "./tcp-info.ts";
