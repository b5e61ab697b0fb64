/** `portolan errors [CODE]`: what the errors of system calls are called, and what usually causes them. */
import { ERRNO, errnoMessage, errnoName, errnoNumber } from "../../abi/index.ts";
import { type Cause, listCauses } from "../../socket/index.ts";
import { unknownName } from "../failure.ts";
import { addExamples, addJsonOption } from "../options.ts";
import { formatTable } from "../table.ts";
import type { Verb } from "../verbs.ts";

export const verb: Verb = {
  define(command, { context, self }) {
    command.argument("[code]", "C's name of an error, ECONNREFUSED, or its number");
    addJsonOption(command);
    addExamples(command, self, [
      ["portolan errors", "every error that a call on a socket usually ends with"],
      ["portolan errors ECONNREFUSED", "one of them"],
      ["portolan errors 111", "the same, by the number that a C program printed"],
    ]);
    command.action((text: string | undefined, { json }: { readonly json?: true }) => {
      const causes = listCauses();
      const shown = text === undefined ? causes : causesOf(readCode(text), causes);
      if (json) {
        for (const { code, syscall = null, cause } of shown) {
          context.out.json({ code, errno: errnoNumber(code), message: strerror(code), syscall, cause });
        }
        return;
      }
      const rows = shown.map(({ code, syscall = "any", cause }) => [code, String(errnoNumber(code)), syscall, cause]);
      const columns = [
        { title: "CODE" },
        { title: "ERRNO", align: "right" },
        { title: "CALL" },
        { title: "WHAT USUALLY CAUSES IT" },
      ] as const;
      const [titles = "", ...lines] = formatTable(columns, rows);
      for (const line of [context.colours.dim(titles), ...lines]) context.out.line(line);
    });
  },
};

/** A code without a line of its own has strerror(3)'s words. */
function causesOf(code: string, causes: readonly Cause[]): readonly Cause[] {
  const found = causes.filter((line) => line.code === code);
  return found.length > 0 ? found : [{ code, cause: strerror(code) }];
}

function readCode(text: string): string {
  const number = /^-?[0-9]{1,5}$/.test(text) ? Math.abs(Number(text)) : errnoNumber(text.toUpperCase());
  const name = number === undefined ? "" : errnoName(number);
  if (number !== undefined && errnoNumber(name) === number) return name;
  throw unknownName("error", text, Object.keys(ERRNO));
}

function strerror(code: string): string {
  return errnoMessage(errnoNumber(code) ?? 0);
}
