/** Level SOL_UDPLITE: options of UDP-Lite sockets. udplite(7) */
export const UDPLITE_OPTIONS = {
  UDPLITE_RECV_CSCOV: {
    kind: "int",
    access: "rw",
    since: "2.6.20",
    page: "udplite(7)",
    note: "packets whose checksum covers less are dropped; 0 is all",
  },
  UDPLITE_SEND_CSCOV: {
    kind: "int",
    access: "rw",
    since: "2.6.20",
    page: "udplite(7)",
    note: "how many bytes the checksum covers, the header's 8 among them; 0 is all",
  },
} as const;
