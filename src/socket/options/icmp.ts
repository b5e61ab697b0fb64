/** Level SOL_RAW: options of raw ICMP sockets. raw(7) */
export const ICMP_OPTIONS = {
  ICMP_FILTER: {
    kind: "icmpTypes",
    access: "rw",
    since: "2.2",
    page: "raw(7)",
    note: "raw sockets of IPPROTO_ICMP: the types that are dropped",
  },
} as const;
