/** Multicast memberships of either family (RFC 3678): level SOL_IP or SOL_IPV6, as the group has it. */
export const MCAST_OPTIONS = {
  MCAST_BLOCK_SOURCE: {
    kind: "groupSource",
    access: "w",
    since: "2.4.22",
    page: "RFC 3678",
    note: "at level SOL_IPV6 for an IPv6 group",
  },
  MCAST_JOIN_GROUP: {
    kind: "groupMembership",
    access: "w",
    since: "2.4.22",
    page: "RFC 3678",
    note: "at level SOL_IPV6 for an IPv6 group",
  },
  MCAST_JOIN_SOURCE_GROUP: {
    kind: "groupSource",
    access: "w",
    since: "2.4.22",
    page: "RFC 3678",
    note: "at level SOL_IPV6 for an IPv6 group",
  },
  MCAST_LEAVE_GROUP: {
    kind: "groupMembership",
    access: "w",
    since: "2.4.22",
    page: "RFC 3678",
    note: "at level SOL_IPV6 for an IPv6 group",
  },
  MCAST_LEAVE_SOURCE_GROUP: {
    kind: "groupSource",
    access: "w",
    since: "2.4.22",
    page: "RFC 3678",
    note: "at level SOL_IPV6 for an IPv6 group",
  },
  MCAST_MSFILTER: {
    kind: "groupFilter",
    access: "rw",
    since: "2.4.22",
    page: "RFC 3678",
    note: "reading takes the group; needs a membership; at level SOL_IPV6 for an IPv6 group",
  },
  MCAST_UNBLOCK_SOURCE: {
    kind: "groupSource",
    access: "w",
    since: "2.4.22",
    page: "RFC 3678",
    note: "at level SOL_IPV6 for an IPv6 group",
  },
} as const;
