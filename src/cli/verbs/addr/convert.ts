/** `portolan addr convert`: addresses from text to memory and back, as inet_pton(3) and inet_ntop(3) do. */
import type { Command } from "commander";
import { AF_INET, AF_INET6, inet_ntop, inet_pton, readU32, splitZone } from "../../../abi/index.ts";
import { EXIT } from "../../../service/index.ts";
import { if_nametoindex, isSystemError } from "../../../socket/index.ts";
import { Failure } from "../../failure.ts";
import { addExamples, addJsonOption } from "../../options.ts";
import type { VerbSetup } from "../../verbs.ts";
import { hexBytes, printFields } from "./print.ts";

export function defineConvert(command: Command, { context, self }: VerbSetup): void {
  command
    .summary("an address from text to the bytes in memory, and back")
    .description("Converts addresses from text to the bytes in memory, and back (inet_pton, inet_ntop).")
    .argument("<address...>", "IPv4 or IPv6 addresses in text");
  addJsonOption(command);
  addExamples(command, self, [
    ["portolan addr convert 192.168.1.100", "four bytes, in network byte order"],
    ["portolan addr convert ::1 fe80::1%lo ::ffff:10.0.0.1", "IPv6: sixteen bytes, and perhaps a scope"],
    ["portolan addr convert 256.0.0.1 || echo refused", "no address, and why not"],
  ]);
  command.action((texts: readonly string[], { json }: { readonly json?: true }) => {
    const converted = texts.map(convert);
    converted.forEach((address, index) => {
      if (json === true) {
        context.out.json({ ...address, bytes: hexBytes(address.bytes) });
        return;
      }
      if (index > 0) context.out.line();
      print(address, { context });
    });
  });
}

interface Converted {
  readonly text: string;
  readonly family: "AF_INET" | "AF_INET6";
  readonly bytes: Uint8Array;
  /** The text of the bytes: RFC 5952's canonical one. */
  readonly back: string;
  readonly scopeId?: number;
}

function convert(text: string): Converted {
  const ipv4 = inet_pton(AF_INET, text);
  if (ipv4 !== null) return { text, family: "AF_INET", bytes: ipv4, back: inet_ntop(AF_INET, ipv4) };
  const parts = splitZone(text);
  const ipv6 = parts === null ? null : inet_pton(AF_INET6, parts.address);
  if (ipv6 === null) throw new Failure(EXIT.DATAERR, `${JSON.stringify(text)} is no address: ${whyNot(text)}`);
  const back = inet_ntop(AF_INET6, ipv6);
  const zone = parts?.zone;
  if (zone === undefined) return { text, family: "AF_INET6", bytes: ipv6, back };
  return { text, family: "AF_INET6", bytes: ipv6, back: `${back}%${zone}`, scopeId: scopeOf(text, zone) };
}

function scopeOf(text: string, zone: string): number {
  if (/^[0-9]{1,9}$/.test(zone)) return Number(zone);
  try {
    return if_nametoindex(zone);
  } catch (error) {
    if (!isSystemError(error)) throw error;
    throw new Failure(EXIT.DATAERR, `${JSON.stringify(text)} is no address here: no interface is called "${zone}"`);
  }
}

/** What keeps a text from being an address. */
function whyNot(text: string): string {
  if (text.includes(":"))
    return "it is not IPv6's eight groups of up to four hexadecimal digits, :: standing for zeros once";
  if (!/^[0-9.]+$/.test(text)) {
    return `an address has digits and dots, or hexadecimal digits and colons; for a name, portolan resolve ${text}`;
  }
  const parts = text.split(".");
  const tooLarge = parts.find((part) => Number(part) > 255);
  if (tooLarge !== undefined) return `${tooLarge} is more than a byte holds, which is 255`;
  if (parts.length !== 4) return `IPv4 addresses have 4 parts, and this has ${parts.length}`;
  if (parts.includes("")) return "a part is empty";
  return "a part has a leading zero, which some programs read as octal";
}

function print({ text, family, bytes, back, scopeId }: Converted, { context }: Pick<VerbSetup, "context">): void {
  const binary = [...bytes].map((byte) => byte.toString(2).padStart(8, "0")).join(" ");
  const number = new DataView(bytes.buffer, bytes.byteOffset).getUint32(0);
  printFields(context, [
    ["text", text],
    ["family", `${family}, ${bytes.length} bytes`],
    ["in memory", hexBytes(bytes)],
    ...(family === "AF_INET"
      ? ([
          ["in binary", binary],
          ["as a number", `${number}, 0x${number.toString(16).padStart(8, "0")}; ntohl(s_addr)`],
          ["s_addr", `${readU32(bytes, 0)} where the host is little-endian, as here`],
        ] as const)
      : []),
    ...(scopeId === undefined ? [] : ([["scope id", String(scopeId)]] as const)),
    ["and back", back],
  ]);
}
