import type { Environment } from "./environment.ts";
import type { BenchName, Options } from "./options.ts";
import type { Summary } from "./stats.ts";

/** The figures of one run of one server, by the keys of the bench's metrics. */
export type Measurement = Readonly<Record<string, number>>;

/** One combination of parameters. */
export interface Case {
  readonly label: string;
  readonly parameters: Readonly<Record<string, number>>;
}

export interface ServerResult {
  readonly name: string;
  readonly kind: "ours" | "peer";
  /** By round; a round that failed is absent, and the failure is in the report. */
  readonly rounds: readonly { readonly round: number; readonly figures: Measurement }[];
  readonly summary: Readonly<Record<string, Summary>>;
  /** Words that a reader must know beside the figures, as "load-bound". */
  readonly flags: readonly string[];
}

/** Ours divided by a peer's, round by round. */
export interface Ratio {
  readonly ours: string;
  readonly peer: string;
  readonly figures: Readonly<Record<string, Summary>>;
}

export interface CaseResult extends Case {
  readonly bench: BenchName;
  readonly servers: readonly ServerResult[];
  readonly ratios: readonly Ratio[];
}

/** What could not be measured, and why. */
export interface Unmeasured {
  readonly bench: BenchName;
  readonly server: string;
  readonly reason: string;
}

/** The JSON that a run leaves. */
export interface Report {
  readonly schema: 1;
  readonly environment: Environment;
  readonly options: Options;
  readonly cases: readonly CaseResult[];
  readonly unmeasured: readonly Unmeasured[];
  /** Sentences about what makes these figures less certain than they look. */
  readonly cautions: readonly string[];
}
