/**
 * Python's socket module as oracle: the same calls, good and bad, made by Python and by Portolan on the same machine, give
 * the same results and the same errors.
 */
import { afterAll, describe, expect, it } from "vitest";
import { needsProgram } from "../support/programs.ts";
import { withFolder } from "../support/socket-pairs.ts";
import { DATA_CASES } from "./python-socket/cases-data.ts";
import { OPTION_CASES } from "./python-socket/cases-options.ts";
import { STATE_CASES } from "./python-socket/cases-states.ts";
import { Ours } from "./python-socket/ours.ts";
import { Python } from "./python-socket/python.ts";
import type { Answer, Case } from "./python-socket/step.ts";

const FEWEST_CASES = 100;

const groups = { states: STATE_CASES, data: DATA_CASES, options: OPTION_CASES };

let python: Python | undefined;
afterAll(() => python?.close());

/** What each step gave here, as JSON carries it. */
async function answers({ steps }: Case): Promise<Answer[]> {
  return withFolder((folder) => {
    const ours = new Ours(folder);
    try {
      return JSON.parse(JSON.stringify(steps.map((step) => ours.run(step))));
    } finally {
      ours.close();
    }
  });
}

/** Each answer beside its call, so that a difference shows which call it is. */
function told({ steps }: Case, given: readonly Answer[]): [string, Answer][] {
  return steps.map((step, index) => [JSON.stringify(step), given[index]]);
}

describe.each(Object.entries(groups))("the same %s", (_name, cases) => {
  // A port that the kernel has chosen for one family may be somebody else's in the other.
  it.for(cases)("$name", { retry: 2 }, async (case_, context) => {
    needsProgram(context, "python3", ["--version"]);
    python ??= new Python();
    expect(told(case_, await answers(case_))).toEqual(told(case_, await python.answers(case_)));
  });
});

it(`is asked of at least ${FEWEST_CASES} calls, each once, good ones and bad ones`, async () => {
  const all = Object.values(groups).flat();
  expect(new Set(all.map(({ name }) => name)).size).toBe(all.length);
  expect(new Set(all.map(({ steps }) => JSON.stringify(steps))).size).toBeGreaterThanOrEqual(FEWEST_CASES);
  const given = (await Promise.all(all.map(answers))).flat();
  const errors = new Set(given.flatMap((answer) => (isError(answer) ? [answer.error] : [])));
  expect(errors.size).toBeGreaterThan(30);
});

function isError(answer: Answer): answer is { error: string } {
  return typeof answer === "object" && answer !== null && "error" in answer;
}
