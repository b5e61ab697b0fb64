/** The table of verbs. A new one is a file in `verbs/`, and a line here; it is loaded when it is asked for. */
import type { Command } from "commander";
import type { ExitStatus } from "../service/index.ts";
import type { Context } from "./context.ts";

/** What a file in `verbs/` exports as `verb`. */
export interface Verb {
  /**
   * Tells commander of the verb's arguments, options and action. An action that fails throws a Failure, a SystemError
   * or a Stopped; one that ends with another status for its own reasons calls {@link VerbSetup.finish}.
   */
  define(command: Command, setup: VerbSetup): void | Promise<void>;
}

export interface VerbSetup {
  readonly context: Context;
  /** What to type for `portolan` where it runs now. */
  readonly self: string;
  /** What follows the verb on the command line, for verbs whose options depend on it. */
  readonly rest: readonly string[];
  /** Says which status to end with. */
  finish(status: ExitStatus): void;
}

export interface VerbEntry {
  readonly name: string;
  /** One line for lists. */
  readonly summary: string;
  /** The heading that it stands under in the help text. */
  readonly group: "Serving" | "Using" | "Looking";
  load(): Promise<Verb>;
}

/** Every verb, in the order of the help text. */
export const verbs: readonly VerbEntry[] = [
  {
    name: "up",
    summary: "start every service, with commands to try and live counters",
    group: "Serving",
    load: async () => (await import("./verbs/up.ts")).verb,
  },
  {
    name: "serve",
    summary: "serve one service, under the design of your choice",
    group: "Serving",
    load: async () => (await import("./verbs/serve.ts")).verb,
  },
  {
    name: "inetd",
    summary: "the super-server: listens for many services, and starts what answers",
    group: "Serving",
    load: async () => (await import("./verbs/inetd.ts")).verb,
  },
  {
    name: "reload",
    summary: "restart a server without turning anybody away",
    group: "Serving",
    load: async () => (await import("./verbs/reload.ts")).verb,
  },
  {
    name: "designs",
    summary: "list the server designs",
    group: "Serving",
    load: async () => (await import("./verbs/designs.ts")).verb,
  },
  {
    name: "bench",
    summary: "measure the server designs on this machine, side by side",
    group: "Serving",
    load: async () => (await import("./verbs/bench.ts")).verb,
  },
  {
    name: "call",
    summary: "use a service, as its client",
    group: "Using",
    load: async () => (await import("./verbs/call.ts")).verb,
  },
  {
    name: "services",
    summary: "list the services, and what to type to try them",
    group: "Using",
    load: async () => (await import("./verbs/services.ts")).verb,
  },
  {
    name: "demo",
    summary: "lessons that run by themselves, such as what a zombie is",
    group: "Looking",
    load: async () => (await import("./verbs/demo.ts")).verb,
  },
  {
    name: "sink",
    summary: "a TCP server that stops before each call, to watch what the kernel does by itself",
    group: "Looking",
    load: async () => (await import("./verbs/sink.ts")).verb,
  },
  {
    name: "nc",
    summary: "send lines and print answers; shows how a program learns that its peer is gone",
    group: "Using",
    load: async () => (await import("./verbs/nc.ts")).verb,
  },
  {
    name: "addr",
    summary: "what addresses and ports are in memory, and what the kernel binds",
    group: "Looking",
    load: async () => (await import("./verbs/addr.ts")).verb,
  },
  {
    name: "resolve",
    summary: "look up hosts and services, and see every field of the answers",
    group: "Looking",
    load: async () => (await import("./verbs/resolve.ts")).verb,
  },
  {
    name: "options",
    summary: "list the socket options: type, access, kernel, capability and manual page",
    group: "Looking",
    load: async () => (await import("./verbs/options.ts")).verb,
  },
  {
    name: "sockets",
    summary: "which kinds of sockets this kernel has, and why not the others",
    group: "Looking",
    load: async () => (await import("./verbs/sockets.ts")).verb,
  },
  {
    name: "errors",
    summary: "what errors of system calls are called, and what usually causes them",
    group: "Looking",
    load: async () => (await import("./verbs/errors.ts")).verb,
  },
  {
    name: "completion",
    summary: "print a script that has your shell complete all this",
    group: "Using",
    load: async () => (await import("./verbs/completion.ts")).verb,
  },
];
