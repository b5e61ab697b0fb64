/** A row of the option tables. */
import type { Kind } from "./kinds.ts";

/** What the tables say of one option; its level is the table's, its number the constant of its name. */
export interface OptionRow {
  readonly kind: Kind;
  /** `r` can be read, `w` can be written. */
  readonly access: "r" | "rw" | "w";
  /** The first kernel that has it. */
  readonly since: string;
  /** The capability that writing it needs. */
  readonly capability?: string;
  /** The page of the manual, or the kernel's own documentation, that describes it. */
  readonly page: string;
}
