/** `portolan errors [CODE]`: what the errors of system calls and look-ups are called, and what usually causes them. */
import { ERRNO, errnoMessage, errnoName, errnoNumber } from "../../abi/index.ts";
import { nearest } from "../../service/index.ts";
import { listCauses, listLookupCauses } from "../../socket/index.ts";
import { usage } from "../failure.ts";
import { addExamples, addJsonOption } from "../options.ts";
import { formatTable } from "../table.ts";
import type { Verb } from "../verbs.ts";
import { oneOf } from "../words.ts";

const HIGHEST_ERRNO = Math.max(...Object.values(ERRNO));

export const verb: Verb = {
  define(command, { context, self }) {
    const codes = [...new Set(everyLine().map(({ code }) => code))];
    command.argument("[code]", "C's name of an error, ECONNREFUSED, or its number", oneOf(codes, String));
    addJsonOption(command);
    addExamples(command, self, [
      ["portolan errors", "every error that a call on a socket usually ends with"],
      ["portolan errors ECONNREFUSED", "one of them"],
      ["portolan errors EAI_NONAME", "one of look-ups"],
      ["portolan errors 111", "the same, by the number that a C program printed"],
    ]);
    command.action((text: string | undefined, { json }: { readonly json?: true }) => {
      const lines = text === undefined ? everyLine() : linesOf(text);
      if (json) {
        for (const line of lines) context.out.json(line);
        return;
      }
      const rows = lines.map(({ code, errno, syscall, cause }) => [code, String(errno), syscall ?? "any", cause]);
      const columns = [
        { title: "CODE" },
        { title: "ERRNO", align: "right" },
        { title: "CALL" },
        { title: "WHAT USUALLY CAUSES IT" },
      ] as const;
      const [titles = "", ...table] = formatTable(columns, rows);
      for (const line of [context.colours.dim(titles), ...table]) context.out.line(line);
    });
  },
};

/** One line of the answer. */
interface Line {
  readonly code: string;
  readonly errno: number | undefined;
  readonly message: string;
  readonly syscall: string | null;
  readonly cause: string;
}

/** Errors of system calls and of look-ups, sorted by code; what holds for any call comes first. */
function everyLine(): Line[] {
  const ofCalls = listCauses().map(({ code, syscall = null, cause }) => ({ ...lineOf(code), syscall, cause }));
  return [...ofCalls, ...listLookupCauses()].sort((left, right) =>
    left.code < right.code ? -1 : Number(left.code > right.code),
  );
}

/** A code without a line of its own has strerror(3)'s words. */
function linesOf(text: string): Line[] {
  const lookup = listLookupCauses().filter(({ code }) => code === text.toUpperCase());
  if (lookup.length > 0) return lookup;
  const code = readCode(text);
  const found = everyLine().filter((line) => line.code === code);
  return found.length > 0 ? found : [lineOf(code)];
}

function lineOf(code: string): Line {
  const message = errnoMessage(errnoNumber(code) ?? 0);
  return { code, errno: errnoNumber(code), message, syscall: null, cause: message };
}

function readCode(text: string): string {
  const number = /^-?[0-9]{1,5}$/.test(text) ? Math.abs(Number(text)) : errnoNumber(text.toUpperCase());
  const name = number === undefined ? "" : errnoName(number);
  if (number !== undefined && errnoNumber(name) === number) return name;
  if (number !== undefined)
    throw usage(`there is no error ${number}; the numbers of errno(3) go up to ${HIGHEST_ERRNO}`);
  const meant = nearest(text, [...Object.keys(ERRNO), ...listLookupCauses().map(({ code }) => code)]);
  const cure = meant === undefined ? "portolan errors lists those of sockets, errno(3) all" : `did you mean ${meant}?`;
  throw usage(`there is no error "${text}"; ${cure}`);
}
