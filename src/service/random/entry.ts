import { RANDOM_MAX_LENGTH } from "../../protocol/index.ts";
import { referenceTo, type ServiceEntry } from "../entry.ts";
import type { ServiceOption } from "../service-options.ts";

export const randomOptions: readonly ServiceOption[] = [
  {
    kind: "number",
    name: "maxLength",
    description: "bytes that may be asked for; who asks for more is reset",
    default: RANDOM_MAX_LENGTH,
    least: 0,
    most: RANDOM_MAX_LENGTH,
  },
];

export const randomEntry: ServiceEntry = {
  name: "random",
  summary: "streams as many random bytes as asked for, at the pace asked for",
  specification: "course",
  port: 8089,
  transports: ["tcp", "unix"],
  trial: {
    bytes: "\\000\\000\\000\\000\\000\\040\\000\\000",
    filter: "od -An -tx1",
    callArguments: "--length 64k --rate 32k",
  },
  options: randomOptions,
  reference: referenceTo(new URL("./index.js", import.meta.url), "random", randomOptions),
  client: async () => (await import("./client.ts")).randomClient,
};
