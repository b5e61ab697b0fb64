/** What is to be said of a configuration, gathered while it is read. */
import type { ConfigProblem, Origin } from "../model.ts";
import { MAX_PROBLEMS } from "./bounds.ts";

export class Problems {
  readonly #list: ConfigProblem[] = [];
  #errors = 0;

  get list(): readonly ConfigProblem[] {
    return this.#list;
  }

  /** Errors until now, those that are no longer told as well: to see whether something went wrong meanwhile. */
  get errors(): number {
    return this.#errors;
  }

  error(origin: Origin, message: string, cure?: string): void {
    this.#errors++;
    this.#add({ origin, severity: "error", message, cure });
  }

  warning(origin: Origin, message: string, cure?: string): void {
    this.#add({ origin, severity: "warning", message, cure });
  }

  /** Takes over what others have found, errors as warnings where nothing depends on them. */
  addAll({ list }: Problems, areWarnings: boolean): void {
    for (const problem of list) {
      if (problem.severity === "error" && !areWarnings) this.#errors++;
      this.#add(areWarnings ? { ...problem, severity: "warning" } : problem);
    }
  }

  #add(problem: ConfigProblem): void {
    const { length } = this.#list;
    if (length < MAX_PROBLEMS) this.#list.push(problem);
    else if (length === MAX_PROBLEMS) {
      const message = `there are more than ${MAX_PROBLEMS} problems; the rest is not told`;
      this.#list.push({ origin: problem.origin, severity: "error", message, cure: undefined });
    }
  }
}

/** What was written, as messages quote it: on one line, and not too long. */
export function quote(text: string): string {
  const MAX_QUOTED = 60;
  return JSON.stringify(text.length > MAX_QUOTED ? `${text.slice(0, MAX_QUOTED)}…` : text);
}
