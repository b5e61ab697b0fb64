/**
 * What a readiness backend must offer: a set of descriptors with the events that are wanted of each, and a wait. It
 * knows nothing of sockets; `readiness.ts` builds the completions over it.
 */

/** The most events that one wait returns. More wait in the kernel until the next. */
export const MAX_EVENTS_PER_WAIT = 1024;

export interface Selector {
  readonly name: string;
  /** A descriptor that polls readable when a wait would return at once, or -1. */
  readonly descriptor: number;
  /** Whether a condition is reported once, when it begins, rather than while it holds. */
  readonly isEdgeTriggered: boolean;
  /** The highest descriptor, plus one, that can be registered. */
  readonly maxDescriptors: number;
  /** After a wait: the tags of the descriptors that are ready, … */
  readonly readyTags: Int32Array;
  /** … and their events, as POLL* bits. */
  readonly readyEvents: Int32Array;

  /** Adds a descriptor. 0 or `-errno` (EPERM: a file that is always ready, such as a regular one). */
  register(fd: number, tag: number, events: number): number;
  /** Changes what is wanted; 0 events still report errors and hang-ups. 0 or `-errno`. */
  modify(fd: number, tag: number, events: number): number;
  /** Forgets a descriptor. 0 or `-errno`. */
  unregister(fd: number): number;
  /** Waits at most `timeoutMs` (-1: for ever). How many are ready, or `-errno`. */
  wait(timeoutMs: number): number;
  /** The set as an array of struct pollfd, two words each. */
  waitSet(): Int32Array;
  /**
   * Called when {@link waitSet} has changed, also by what was removed: a descriptor that is closed while another thread
   * polls it stays open until that poll ends, and its peer hears nothing of the close. Never called by a backend whose
   * set is a descriptor.
   */
  onWaitSetChange: (() => void) | undefined;
  close(): void;
}
