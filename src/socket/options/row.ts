/** A row of the option tables. */
import type { Kind } from "./kinds.ts";

/**
 * When an option can be set, or has its effect: at any time, before bind, before connect or listen, or only once the
 * socket is bound or connected.
 */
export type OptionMoment = "any" | "before-bind" | "before-connect" | "after-bind" | "after-connect";

/** What the tables say of one option; its level is the table's, its number the constant of its name. */
export interface OptionRow {
  readonly kind: Kind;
  /** `r` can be read, `w` can be written. */
  readonly access: "r" | "rw" | "w";
  /** The first kernel that has it. */
  readonly since: string;
  /** When to set it; at any time unless said. */
  readonly when?: OptionMoment;
  /** The capability that writing it needs, perhaps for some values only: the note says which. */
  readonly capability?: string;
  /** The page of the manual, the RFC, or the kernel's own documentation or header that describes it. */
  readonly page: string;
  /** What one has to know beside the page. */
  readonly note?: string;
}
