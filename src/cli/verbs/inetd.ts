/** `portolan inetd`: the super-server and its configuration. */
import { addExamples } from "../options.ts";
import type { Verb } from "../verbs.ts";
import { defineCheck } from "./inetd/check.ts";

export const verb: Verb = {
  define(command, setup) {
    defineCheck(command.command("check"), setup);
    addExamples(command, setup.self, [["portolan inetd check /etc/inetd.conf", "what is wrong with a configuration"]]);
  },
};
