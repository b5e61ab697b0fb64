/** `portolan addr order`: a number in host and in network byte order, side by side. */
import type { Command } from "commander";
import { htonl, htons } from "../../../abi/index.ts";
import { EXIT } from "../../../service/index.ts";
import { Failure } from "../../failure.ts";
import { addExamples, addJsonOption } from "../../options.ts";
import { formatTable } from "../../table.ts";
import type { VerbSetup } from "../../verbs.ts";
import { hexBytes } from "./print.ts";

const MAX_16 = 0xffff;
const MAX_32 = 0xffffffff;

export function defineOrder(command: Command, { context, self }: VerbSetup): void {
  command
    .summary("a number in host and in network byte order, side by side")
    .description("Shows a number in memory in host and in network byte order (htons, htonl), side by side.")
    .argument("<number>", `0 to ${MAX_32}, decimal or 0x…: a port has 16 bits, an IPv4 address 32`);
  addJsonOption(command);
  addExamples(command, self, [
    ["portolan addr order 54154", "a port"],
    ["portolan addr order 0xc0a80164", "an IPv4 address"],
  ]);
  command.action((text: string, { json }: { readonly json?: true }) => {
    const number = readNumber(text);
    const rows = [...(number <= MAX_16 ? [orders16(number)] : []), orders32(number)];
    if (json === true) {
      for (const row of rows) context.out.json({ number, ...row });
      return;
    }
    const [titles = "", ...lines] = formatTable(
      [
        { title: "BITS", align: "right" },
        { title: "HOST ORDER" },
        { title: "NETWORK ORDER" },
        { title: "READ AS A NUMBER OF THE HOST" },
      ],
      rows.map(({ bits, host, network, swapped }) => [
        String(bits),
        host,
        network,
        `${bits === 16 ? "htons" : "htonl"}(${number}) = ${swapped}, 0x${swapped.toString(16).padStart(bits / 4, "0")}`,
      ]),
    );
    context.out.line(`${number}, 0x${number.toString(16)}, in memory from the lowest address up:`);
    context.out.line();
    for (const line of [context.colours.dim(titles), ...lines]) context.out.line(line);
  });
}

interface Orders {
  readonly bits: 16 | 32;
  readonly host: string;
  readonly network: string;
  /** What the host takes the bytes in network order for. */
  readonly swapped: number;
}

/** Typed arrays are the host's own memory, so these are the bytes that are really there. */
function orders16(number: number): Orders {
  const swapped = htons(number);
  return { bits: 16, host: inMemory(Uint16Array.of(number)), network: inMemory(Uint16Array.of(swapped)), swapped };
}

function orders32(number: number): Orders {
  const swapped = htonl(number);
  return { bits: 32, host: inMemory(Uint32Array.of(number)), network: inMemory(Uint32Array.of(swapped)), swapped };
}

function inMemory(array: Uint16Array | Uint32Array): string {
  return hexBytes(new Uint8Array(array.buffer));
}

function readNumber(text: string): number {
  const number = /^([0-9]+|0[xX][0-9a-fA-F]+)$/.test(text) ? Number(text) : Number.NaN;
  if (number <= MAX_32) return number;
  throw new Failure(EXIT.DATAERR, `${JSON.stringify(text)} is no whole number from 0 to ${MAX_32}`);
}
