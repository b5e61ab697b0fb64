/** `portolan inetd`: the super-server and its configuration. */
import type { Verb } from "../verbs.ts";
import { defineCheck } from "./inetd/check.ts";
import { defineConvert } from "./inetd/convert.ts";
import { defineReload, defineRun } from "./inetd/run.ts";

export const verb: Verb = {
  define(command, setup) {
    defineCheck(command.command("check"), setup);
    defineConvert(command.command("convert"), setup);
    defineReload(command.command("reload"), setup);
    // Options that both had would be taken from the subcommand.
    const [first] = setup.rest;
    if (!command.commands.some((child) => child.name() === first)) defineRun(command, setup);
  },
};
