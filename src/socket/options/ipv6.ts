/** Level SOL_IPV6: options of IPv6 sockets. ipv6(7) */
export const IPV6_OPTIONS = {
  IPV6_ADD_MEMBERSHIP: { kind: "membership6", access: "w", since: "2.2", page: "ipv6(7)" },
  IPV6_DROP_MEMBERSHIP: { kind: "membership6", access: "w", since: "2.2", page: "ipv6(7)" },
  IPV6_MTU: { kind: "int", access: "rw", since: "2.2", page: "ipv6(7)" },
  IPV6_MTU_DISCOVER: { kind: "int", access: "rw", since: "2.2", page: "ipv6(7)" },
  IPV6_MULTICAST_HOPS: { kind: "int", access: "rw", since: "2.2", page: "ipv6(7)" },
  IPV6_MULTICAST_IF: { kind: "int", access: "rw", since: "2.2", page: "ipv6(7)" },
  IPV6_MULTICAST_LOOP: { kind: "bool", access: "rw", since: "2.2", page: "ipv6(7)" },
  IPV6_RECVERR: { kind: "bool", access: "rw", since: "2.2", page: "ipv6(7)" },
  IPV6_RECVHOPLIMIT: { kind: "bool", access: "rw", since: "2.6.14", page: "ipv6(7)" },
  IPV6_RECVPKTINFO: { kind: "bool", access: "rw", since: "2.6.14", page: "ipv6(7)" },
  IPV6_RECVTCLASS: { kind: "bool", access: "rw", since: "2.6.14", page: "ipv6(7)" },
  IPV6_TCLASS: { kind: "int", access: "rw", since: "2.6.14", page: "ipv6(7)" },
  IPV6_UNICAST_HOPS: { kind: "int", access: "rw", since: "2.2", page: "ipv6(7)" },
  IPV6_V6ONLY: { kind: "bool", access: "rw", since: "2.4.21", page: "ipv6(7)" },
} as const;
