/** Hangman: a game for each client, over lines that nc and telnet send as well. */
import { randomInt } from "node:crypto";
import { hangmanStream } from "../../protocol/index.ts";
import type { Service } from "../../server/index.ts";
import { optionValues } from "../service-options.ts";
import { hangmanEntry, hangmanOptions } from "./entry.ts";
import { readWords } from "./read-words.ts";
import { words as ownWords } from "./words.ts";

const MS_PER_SECOND = 1000;

/** Hangman as a service. */
export const hangman: Service = {
  name: hangmanEntry.name,
  summary: hangmanEntry.summary,
  port: hangmanEntry.port,
  stream(options) {
    const values = optionValues(hangmanOptions, options);
    const {
      words: path,
      lives,
      idle,
    } = values as { readonly words: string; readonly lives: number; readonly idle: number };
    return hangmanStream({
      words: path === "" ? ownWords : readWords(path),
      pick: (count) => randomInt(count),
      lives,
      idleMs: idle * MS_PER_SECOND,
    });
  },
};
