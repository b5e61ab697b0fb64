/** `portolan addr`: what addresses and ports are made of, and what the kernel binds. */
import { addExamples } from "../options.ts";
import type { Verb } from "../verbs.ts";
import { defineBind } from "./addr/bind.ts";
import { defineConvert } from "./addr/convert.ts";
import { defineOrder } from "./addr/order.ts";

export const verb: Verb = {
  define(command, setup) {
    defineConvert(command.command("convert"), setup);
    defineOrder(command.command("order"), setup);
    defineBind(command.command("bind"), setup);
    addExamples(command, setup.self, [
      ["portolan addr convert 192.168.1.100", "an address as the bytes that a struct holds, and back"],
      ["portolan addr order 54154", "a number in host and in network byte order"],
      ["portolan addr bind 127.0.0.1 0", "which port the kernel chooses; Ctrl-C lets go of it"],
    ]);
  },
};
