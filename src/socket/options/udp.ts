/** Level SOL_UDP: options of UDP sockets. udp(7) */
export const UDP_OPTIONS = {
  UDP_CORK: { kind: "bool", access: "rw", since: "2.5.44", page: "udp(7)" },
  UDP_ENCAP: { kind: "int", access: "rw", since: "2.6.0", page: "linux/udp.h", note: "UDP_ENCAP_ \u2026; 0 is none" },
  UDP_GRO: { kind: "bool", access: "rw", since: "5.0", page: "udp(7)" },
  UDP_NO_CHECK6_RX: { kind: "bool", access: "rw", since: "3.16", page: "RFC 6935" },
  UDP_NO_CHECK6_TX: { kind: "bool", access: "rw", since: "3.16", page: "RFC 6935" },
  UDP_SEGMENT: {
    kind: "int",
    access: "rw",
    since: "4.18",
    page: "udp(7)",
    note: "the size that large datagrams are cut into; 0 is off",
  },
} as const;
