/**
 * Character generator (RFC 864): lines without end over streams, one datagram of random length for each that comes. An
 * answer is no longer than its question unless amplifying is allowed: the RFC's 512 characters for an empty datagram
 * with a forged source are a weapon.
 */
import { CHARGEN_MAX_DATAGRAM_BYTES, chargenDatagram, chargenStream, guarded } from "../../protocol/index.ts";
import type { Service } from "../../server/index.ts";
import { guardFrom } from "../guard-options.ts";
import { optionValues } from "../service-options.ts";
import { chargenEntry, chargenOptions } from "./entry.ts";

export const chargen: Service = {
  name: chargenEntry.name,
  summary: chargenEntry.summary,
  port: chargenEntry.port,
  stream: () => () => chargenStream,
  datagram(options, place) {
    const values = optionValues(chargenOptions, options);
    const allowAmplification = values.amplify === true;
    const create = chargenDatagram({ allowAmplification });
    return () =>
      guarded(create(), guardFrom(values, place, allowAmplification ? CHARGEN_MAX_DATAGRAM_BYTES : 0), place);
  },
};
