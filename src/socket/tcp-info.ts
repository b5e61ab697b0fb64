/** What the kernel knows of a TCP connection, with its numbers' names: what `socket.tcpInfo()` returns. tcp(7) */
import { flagNames, nameOf, TCP_CA, TCP_STATE, TCPI_OPT, type TcpInfo } from "../abi/index.ts";

/**
 * struct tcp_info by its C names without `tcpi_`, and the names of three of its numbers. Times are in microseconds
 * (`rto`, `rtt`, `rttvar`, `min_rtt`, `busy_time` …) except `last_data_sent` and its three neighbours and
 * `total_rto_time`, in milliseconds. What an older kernel does not tell is absent.
 */
export interface ConnectionInfo extends TcpInfo {
  /** `state` by its name, `TCP_ESTABLISHED`. */
  readonly stateName: string;
  /** `ca_state` by its name: how congestion control stands, `TCP_CA_Open`. */
  readonly caStateName: string;
  /** `options` by their names: what both ends agreed on, `TCPI_OPT_SACK` … */
  readonly optionNames: readonly string[];
}

/** Adds the names to the numbers. */
export function nameTcpInfo(info: TcpInfo): ConnectionInfo {
  return {
    ...info,
    stateName: nameOf(TCP_STATE, info.state ?? 0),
    caStateName: nameOf(TCP_CA, info.ca_state ?? 0),
    optionNames: flagNames(TCPI_OPT, info.options ?? 0),
  };
}
