/** Level SOL_UDP: options of UDP sockets. udp(7) */
export const UDP_OPTIONS = {
  UDP_CORK: { kind: "bool", access: "rw", since: "2.5.44", page: "udp(7)" },
  UDP_GRO: { kind: "bool", access: "rw", since: "5.0", page: "udp(7)" },
  UDP_SEGMENT: { kind: "int", access: "rw", since: "4.18", page: "udp(7)" },
} as const;
