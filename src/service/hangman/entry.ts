import { HANGMAN_LIVES, HANGMAN_MAX_LIVES } from "../../protocol/index.ts";
import { referenceTo, type ServiceEntry } from "../entry.ts";
import type { ServiceOption } from "../service-options.ts";

const MAX_IDLE_SECONDS = 86_400;
const DEFAULT_IDLE_SECONDS = 300;

export const hangmanOptions: readonly ServiceOption[] = [
  {
    kind: "file",
    name: "words",
    description: "a file of words to guess, one a line, in place of our own",
    default: "",
  },
  {
    kind: "number",
    name: "lives",
    description: "wrong guesses until one is hanged",
    default: HANGMAN_LIVES,
    least: 1,
    most: HANGMAN_MAX_LIVES,
  },
  {
    kind: "number",
    name: "idle",
    description: "seconds without a line until a client is sent away; 0 for never",
    default: DEFAULT_IDLE_SECONDS,
    least: 0,
    most: MAX_IDLE_SECONDS,
  },
];

export const hangmanEntry: ServiceEntry = {
  name: "hangman",
  summary: "plays hangman, over lines of text",
  specification: "course",
  port: 1066,
  transports: ["tcp", "unix"],
  trial: { typed: "e\na\nport\n/quit\n", callArguments: "" },
  options: hangmanOptions,
  reference: referenceTo(new URL("./index.js", import.meta.url), "hangman", hangmanOptions),
  client: async () => (await import("./client.ts")).hangmanClient,
};
