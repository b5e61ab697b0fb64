/** Level SOL_XDP: options of AF_XDP sockets, all of which need CAP_NET_RAW to be made. */
export const XDP_OPTIONS_TABLE = {
  XDP_MMAP_OFFSETS: { kind: "xdpOffsets", access: "r", since: "4.18", page: "networking/af_xdp" },
  XDP_OPTIONS: { kind: "int", access: "r", since: "5.3", page: "networking/af_xdp", note: "XDP_OPTIONS_ZEROCOPY" },
  XDP_RX_RING: {
    kind: "int",
    access: "w",
    since: "4.18",
    when: "before-bind",
    page: "networking/af_xdp",
    note: "entries, a power of two",
  },
  XDP_STATISTICS: { kind: "xdpStatistics", access: "r", since: "4.18", page: "networking/af_xdp" },
  XDP_TX_RING: {
    kind: "int",
    access: "w",
    since: "4.18",
    when: "before-bind",
    page: "networking/af_xdp",
    note: "entries, a power of two",
  },
  XDP_UMEM_COMPLETION_RING: {
    kind: "int",
    access: "w",
    since: "4.18",
    when: "before-bind",
    page: "networking/af_xdp",
    note: "entries, a power of two",
  },
  XDP_UMEM_FILL_RING: {
    kind: "int",
    access: "w",
    since: "4.18",
    when: "before-bind",
    page: "networking/af_xdp",
    note: "entries, a power of two",
  },
  XDP_UMEM_REG: { kind: "xdpMemory", access: "w", since: "4.18", when: "before-bind", page: "networking/af_xdp" },
} as const;
