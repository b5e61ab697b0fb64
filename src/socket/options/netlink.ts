/** Level SOL_NETLINK: options of netlink sockets. netlink(7) */
export const NETLINK_OPTIONS = {
  NETLINK_ADD_MEMBERSHIP: {
    kind: "int",
    access: "w",
    since: "2.6.14",
    capability: "CAP_NET_ADMIN",
    page: "netlink(7)",
    note: "the number of a group; many need no capability, that of NETLINK_AUDIT needs CAP_AUDIT_READ",
  },
  NETLINK_BROADCAST_ERROR: { kind: "bool", access: "rw", since: "2.6.30", page: "netlink(7)" },
  NETLINK_CAP_ACK: { kind: "bool", access: "rw", since: "4.3", page: "netlink(7)" },
  NETLINK_DROP_MEMBERSHIP: { kind: "int", access: "w", since: "2.6.14", page: "netlink(7)" },
  NETLINK_EXT_ACK: { kind: "bool", access: "rw", since: "4.12", page: "netlink(7)" },
  NETLINK_GET_STRICT_CHK: { kind: "bool", access: "rw", since: "4.20", page: "netlink(7)" },
  NETLINK_LISTEN_ALL_NSID: {
    kind: "bool",
    access: "rw",
    since: "4.2",
    capability: "CAP_NET_BROADCAST",
    page: "netlink(7)",
  },
  NETLINK_LIST_MEMBERSHIPS: {
    kind: "netlinkGroups",
    access: "r",
    since: "4.2",
    page: "netlink(7)",
    note: "the numbers of the groups that were joined",
  },
  NETLINK_NO_ENOBUFS: { kind: "bool", access: "rw", since: "2.6.30", page: "netlink(7)" },
  NETLINK_PKTINFO: { kind: "bool", access: "rw", since: "2.6.14", page: "netlink(7)" },
} as const;
