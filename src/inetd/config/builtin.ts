/** Services of ours, as the older forms call them: `internal`. */
import { findService, type ServiceEntry, services } from "../../service/index.ts";
import type { ListenPlace, Origin, ServedByBuiltIn } from "../model.ts";
import { type Problems, quote } from "./problems.ts";

/** The service of a name, where it is one of ours and is offered on such sockets; else undefined, and an error told. */
export function readBuiltIn(
  name: string,
  socket: { readonly type: ListenPlace["type"]; readonly isUnix: boolean },
  origin: Origin,
  problems: Problems,
): ServedByBuiltIn | undefined {
  const entry = findService(name);
  if (entry === undefined) {
    const names = services.map((known) => known.name).join(", ");
    problems.error(origin, `there is no built-in service ${quote(name)}`, `there are: ${names}`);
    return undefined;
  }
  if (!isOffered(entry, socket)) {
    const message = `the built-in service ${name} is not offered on ${socket.isUnix ? "unix " : ""}${socket.type} sockets`;
    problems.error(origin, message, `it is on: ${entry.transports.join(", ")}`);
    return undefined;
  }
  return { kind: "builtin", service: name, options: null, design: undefined };
}

function isOffered({ transports }: ServiceEntry, { type, isUnix }: { type: string; isUnix: boolean }): boolean {
  if (isUnix && !transports.includes("unix")) return false;
  return type === "stream" ? transports.includes("tcp") : type === "dgram" && transports.includes("udp");
}
