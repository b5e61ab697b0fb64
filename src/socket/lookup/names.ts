/** Families and types as look-ups tell them: by name where there is one. */
import { type FamilyName, familyNumber, type TypeName, typeNumber } from "../names.ts";

const FAMILY_NAMES: readonly FamilyName[] = ["inet", "inet6", "netlink", "packet", "unix", "vsock"];
const TYPE_NAMES: readonly TypeName[] = ["dgram", "raw", "seqpacket", "stream"];

const families: ReadonlyMap<number, FamilyName> = new Map(FAMILY_NAMES.map((name) => [familyNumber(name), name]));
const types: ReadonlyMap<number, TypeName> = new Map(TYPE_NAMES.map((name) => [typeNumber(name), name]));

/** The name of an AF_ number, or the number. */
export function familyNameOf(family: number): FamilyName | number {
  return families.get(family) ?? family;
}

/** The name of a SOCK_ number, or the number. */
export function typeNameOf(type: number): TypeName | number {
  return types.get(type) ?? type;
}
