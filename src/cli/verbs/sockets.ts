/** `portolan sockets --matrix`: which families, types and protocols this kernel has, and what it says of the others. */
import { probeSockets, type SocketSupport } from "../../socket/index.ts";
import type { Colours } from "../colours.ts";
import { usage } from "../failure.ts";
import { addExamples, addJsonOption } from "../options.ts";
import { type Column, formatTable } from "../table.ts";
import type { Verb } from "../verbs.ts";

interface Flags {
  readonly matrix?: true;
  readonly available?: true;
  readonly json?: true;
}

const COLUMNS: readonly Column[] = [
  { title: "FAMILY" },
  { title: "TYPE" },
  { title: "PROTOCOL" },
  { title: "KNOWN AS" },
  { title: "HERE" },
  { title: "WHY NOT, OR WHAT IT TAKES" },
];

/** What the kernel takes for a kind in the table, though it is asked for otherwise. */
const ALIKE = [
  "protocol 0 is the first of its type: TCP, UDP",
  "AF_INET and AF_INET6, SOCK_RAW: any protocol from 1 to 255",
  "AF_NETLINK: SOCK_DGRAM is SOCK_RAW",
  "AF_PACKET: any EtherType, in network byte order; 0 receives nothing before bind",
  "AF_UNIX: SOCK_RAW is SOCK_DGRAM",
];

export const verb: Verb = {
  define(command, { context, self }) {
    command.option("--matrix", "ask this kernel for a socket of every family, type and protocol");
    command.option("--available", "only those that can be made here, now");
    addJsonOption(command);
    addExamples(command, self, [
      ["portolan sockets --matrix", "what this kernel has, what this user may make, and why not the rest"],
      ["portolan sockets --matrix --available", "only what works"],
      ["portolan sockets --matrix --json", "the same for machines"],
    ]);
    command.action(({ matrix, available, json }: Flags) => {
      if (matrix === undefined) throw usage("what of the sockets? --matrix shows what kinds this kernel has");
      const kinds = probeSockets().filter(({ status }) => available === undefined || status === "yes");
      if (json) {
        for (const kind of kinds) context.out.json(kind);
        return;
      }
      const [titles = "", ...lines] = formatTable(COLUMNS, kinds.map(toRow));
      context.out.line(context.colours.dim(titles));
      for (const [index, line] of lines.entries()) {
        context.out.line(colour(line, kinds[index] as SocketSupport, context.colours));
      }
      context.out.line("");
      context.out.line("The same sockets are got in other ways:");
      for (const line of ALIKE) context.out.line(`  ${line}`);
    });
  },
};

function toRow({ family, type, protocol, numbers, name, status, code, cause, needs }: SocketSupport): string[] {
  const number = numbers.protocol === undefined || protocol === `${numbers.protocol}` ? "" : ` (${numbers.protocol})`;
  const why = code === undefined ? (needs ?? "") : `${code}: ${cause}`;
  return [family, type ?? "any", protocol === undefined ? "any" : `${protocol}${number}`, name ?? "", status, why];
}

function colour(line: string, { status }: SocketSupport, colours: Colours): string {
  return status === "no" ? colours.dim(line) : line;
}
