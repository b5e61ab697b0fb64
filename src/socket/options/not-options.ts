/**
 * Names of the ABI that look like socket options and are none, each with the reason. A test holds this list and the
 * tables against the ABI, so that a name which the headers gain is in one of them.
 */

const ANCILLARY = "the type of a control message, not of an option";
const UNANSWERED = "no kernel of this age answers to it";

/** Single names. */
export const NOT_OPTIONS: Readonly<Record<string, string>> = {
  IPV6_AUTHHDR: `obsolete: ${UNANSWERED}`,
  IPV6_HOPLIMIT: `${ANCILLARY}; IPV6_RECVHOPLIMIT asks for it`,
  IPV6_NEXTHOP: `${ANCILLARY}: Linux takes it with a single message only`,
  NETLINK_RX_RING: `taken out of the kernel with Linux 4.6: ${UNANSWERED}`,
  NETLINK_TX_RING: `taken out of the kernel with Linux 4.6: ${UNANSWERED}`,
  PACKET_RECV_OUTPUT: `declared, and never implemented: ${UNANSWERED}`,
  PACKET_TX_TIMESTAMP: `${ANCILLARY}, in the error queue`,
  SO_DEVMEM_DMABUF: ANCILLARY,
  SO_DEVMEM_LINEAR: ANCILLARY,
  SO_VM_SOCKETS_NONBLOCK_TXRX: `of a transport outside of Linux: ${UNANSWERED}`,
  SO_VM_SOCKETS_PEER_HOST_VM_ID: `of a transport outside of Linux: ${UNANSWERED}`,
  SO_VM_SOCKETS_TRUSTED: `of a transport outside of Linux: ${UNANSWERED}`,
  VSOCK_RECVERR: `${ANCILLARY}, in the error queue`,
};

/** Whole groups of the ABI, by the group's name: values of options, flags in them, and what messages hold. */
export const NOT_OPTION_GROUPS: Readonly<Record<string, string>> = {
  ICMPV6_FILTER_OP: "what macros do with an ICMPV6_FILTER",
  IPV6_FL_A: "actions of IPV6_FLOWLABEL_MGR",
  IPV6_FL_F: "flags of IPV6_FLOWLABEL_MGR",
  IPV6_FL_S: "ways of IPV6_FLOWLABEL_MGR to share a label",
  IPV6_PMTUDISC: "values of IPV6_MTU_DISCOVER",
  IPV6_PREFER: "flags of IPV6_ADDR_PREFERENCES",
  IP_PMTUDISC: "values of IP_MTU_DISCOVER",
  MCAST_MODE: "modes of MCAST_MSFILTER and IP_MSFILTER",
  MPTCP_INFO_FLAG: "flags in MPTCP_INFO",
  NETLINK: "protocols of netlink sockets",
  PACKET_FANOUT_FLAG: "flags of PACKET_FANOUT",
  PACKET_FANOUT_MODE: "modes of PACKET_FANOUT",
  PACKET_MR: "types of PACKET_ADD_MEMBERSHIP",
  PACKET_TYPE: "values of sll_pkttype",
  SO_EE_CODE: "codes of extended errors",
  SO_EE_ORIGIN: "origins of extended errors",
  TCP_CA: "states of congestion control in TCP_INFO",
  TCP_MD5SIG_FLAG: "flags of TCP_MD5SIG_EXT",
  TCP_REPAIR_VALUE: "values of TCP_REPAIR and TCP_REPAIR_QUEUE",
  TCP_STATE: "states of a connection in TCP_INFO",
  UDP_ENCAP_TYPE: "values of UDP_ENCAP",
  XDP_BIND: "flags of struct sockaddr_xdp",
  XDP_FLAGS: "flags for attaching an XDP program",
  XDP_MISC: "flags in XDP_OPTIONS, XDP_UMEM_REG and the rings",
  XDP_OFF: "offsets for mmap(2) of the rings",
};
