/** Level SOL_ICMPV6: options of raw ICMPv6 sockets. RFC 3542 */
export const ICMPV6_OPTIONS = {
  ICMPV6_FILTER: {
    kind: "icmp6Types",
    access: "rw",
    since: "2.2",
    page: "RFC 3542 section 3.2",
    note: "raw sockets of IPPROTO_ICMPV6: the types that are dropped",
  },
} as const;
