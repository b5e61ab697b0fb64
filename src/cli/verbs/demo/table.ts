/** The table of demos. A new one is a file here that exports a {@link Demo}, and a line in the list. */
import type { Command } from "commander";
import { type ExitStatus, services } from "../../../service/index.ts";
import type { Context } from "../../context.ts";
import type { VerbSetup } from "../../verbs.ts";
import { serviceDemo } from "./service.ts";

/** One thing that a demo shows: `text` for people, `name` and `fields` for machines. */
export interface Step {
  readonly name: string;
  readonly text: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

/** What a demo may use while it runs. */
export interface Stage {
  readonly context: Context;
  readonly isJson: boolean;
  /** What the command line said, by the names that {@link Demo.define} gave. */
  readonly options: Readonly<Record<string, unknown>>;
  /** What to type for `portolan` where it runs now. */
  readonly self: string;
  /** Aborted when the demo should end: Ctrl-C, or nobody reads any more. */
  readonly signal: AbortSignal;
  /** Prints a step. */
  step(step: Step): void;
}

/** What a demo's file exports as `demo`. */
export interface Demo {
  /** Adds options of its own to its command. */
  define?(command: Command, setup: VerbSetup): void;
  /**
   * Runs it to its end, and leaves neither process nor file behind.
   * @returns which status to end with; nothing where all is well.
   */
  run(stage: Stage): Promise<ExitStatus | undefined>;
}

/** What is known of a demo before it is loaded. */
export interface DemoEntry {
  readonly name: string;
  /** One line for lists. */
  readonly summary: string;
  load(): Promise<Demo>;
}

const lessons: readonly DemoEntry[] = [
  {
    name: "sink",
    summary: "what the kernel does between the calls of a server and of its client",
    load: async () => (await import("./sink.ts")).demo,
  },
  {
    name: "zombies",
    summary: "a child that nobody waited for, and both cures",
    load: async () => (await import("./zombies.ts")).demo,
  },
];

/** Every demo, sorted by name: the lessons, and each service with its client. */
export const demos: readonly DemoEntry[] = [...lessons, ...services.map(serviceDemo)].sort((a, b) =>
  a.name < b.name ? -1 : 1,
);
