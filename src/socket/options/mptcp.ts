/** Level SOL_MPTCP: what a multipath connection tells of itself; TCP options go to its subflows. */
export const MPTCP_OPTIONS = {
  MPTCP_FULL_INFO: {
    kind: "bytes",
    access: "r",
    since: "6.5",
    when: "after-connect",
    page: "linux/mptcp.h",
    note: "a struct mptcp_full_info without the arrays that it can point to: for those, read it by number",
  },
  MPTCP_INFO: { kind: "mptcpInfo", access: "r", since: "5.16", when: "after-connect", page: "linux/mptcp.h" },
  MPTCP_SUBFLOW_ADDRS: {
    kind: "subflowAddresses",
    access: "r",
    since: "5.16",
    when: "after-connect",
    page: "linux/mptcp.h",
  },
  MPTCP_TCPINFO: { kind: "subflowTcpInfo", access: "r", since: "5.16", when: "after-connect", page: "linux/mptcp.h" },
} as const;
