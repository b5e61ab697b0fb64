/**
 * What kernels newer than the headers of Debian 12 (Linux 6.1) have. Each entry says which of the kernel's headers it
 * is from and, as well as its history tells, the release that brought it. Where the installed headers know the name,
 * theirs is the value and the entry is checked against it.
 */
import type { UnitName } from "./units.ts";

export interface Supplement {
  readonly name: string;
  readonly value: number;
  readonly unit: UnitName;
  readonly source: string;
}

function from(unit: UnitName, header: string, release: string, values: Readonly<Record<string, number>>): Supplement[] {
  return Object.entries(values).map(([name, value]) => ({ name, value, unit, source: `${header}, ${release}` }));
}

export const SUPPLEMENT: readonly Supplement[] = [
  ...from("kernel", "asm-generic/socket.h", "Linux 6.5", { SO_PASSPIDFD: 76, SO_PEERPIDFD: 77 }),
  ...from("kernel", "asm-generic/socket.h", "Linux 6.12", {
    SO_DEVMEM_LINEAR: 78,
    SO_DEVMEM_DMABUF: 79,
    SO_DEVMEM_DONTNEED: 80,
  }),
  ...from("kernel", "asm-generic/socket.h", "Linux 6.13", { SCM_TS_OPT_ID: 81 }),
  ...from("kernel", "asm-generic/socket.h", "Linux 6.14", { SO_RCVPRIORITY: 82 }),
  ...from("kernel", "asm-generic/socket.h", "Linux 6.16", { SO_PASSRIGHTS: 83 }),
  ...from("kernel", "asm-generic/socket.h", "Linux 6.17", { SO_INQ: 84, SCM_INQ: 84 }),
  // These have always been the kernel's, whose own linux/socket.h user programs do not get.
  ...from("libc", "include/linux/socket.h", "Linux 2.6.18", { SCM_SECURITY: 3 }),
  ...from("libc", "include/linux/socket.h", "Linux 6.5", { SCM_PIDFD: 4 }),
  ...from("libc", "include/linux/socket.h", "Linux 2.6.20", { SOL_UDPLITE: 136 }),
  ...from("libc", "include/linux/socket.h", "Linux 6.7", { SOL_VSOCK: 287 }),
  ...from("libc", "include/linux/socket.h", "Linux 5.18", { SOL_SMC: 286 }),
  ...from("libc", "include/linux/socket.h", "Linux 5.15", { SOL_MCTP: 285 }),
  ...from("kernel", "include/net/udplite.h", "Linux 2.6.20", { UDPLITE_SEND_CSCOV: 10, UDPLITE_RECV_CSCOV: 11 }),
  ...from("kernel", "linux/vm_sockets.h", "Linux 6.7", { VSOCK_RECVERR: 1 }),
  ...from("kernel", "linux/in.h", "Linux 6.3", { IP_LOCAL_PORT_RANGE: 51 }),
  ...from("kernel", "linux/in.h", "Linux 6.4", { IP_PROTOCOL: 52 }),
  ...from("mptcp", "linux/mptcp.h", "Linux 6.5", { MPTCP_FULL_INFO: 4 }),
  ...from("kernel", "linux/tcp.h", "Linux 6.7", {
    TCP_AO_ADD_KEY: 38,
    TCP_AO_DEL_KEY: 39,
    TCP_AO_INFO: 40,
    TCP_AO_GET_KEYS: 41,
    TCP_AO_REPAIR: 42,
    TCPI_OPT_USEC_TS: 64,
  }),
  ...from("kernel", "linux/tcp.h", "Linux 6.9", { TCP_IS_MPTCP: 43 }),
  ...from("kernel", "linux/tcp.h", "Linux 6.12", { TCPI_OPT_TFO_CHILD: 128 }),
  ...from("kernel", "linux/tcp.h", "Linux 6.15", { TCP_RTO_MAX_MS: 44, TCP_RTO_MIN_US: 45, TCP_DELACK_MAX_US: 46 }),
  ...from("kernel", "linux/netlink.h", "Linux 6.1", { NLM_F_BULK: 512 }),
  ...from("kernel", "linux/if_xdp.h", "Linux 6.6", { XDP_USE_SG: 16 }),
  ...from("kernel", "linux/if_tun.h", "Linux 6.2", { TUN_F_USO4: 32, TUN_F_USO6: 64 }),
  ...from("kernel", "linux/virtio_net.h", "Linux 6.2", { VIRTIO_NET_HDR_GSO_UDP_L4: 5 }),
  ...from("kernel", "linux/io_uring.h", "Linux 6.3", { IORING_MSG_RING_FLAGS_PASS: 2 }),
  ...from("kernel", "linux/io_uring.h", "Linux 6.4", {
    IORING_OFF_PBUF_RING: 0x80000000,
    IORING_OFF_PBUF_SHIFT: 16,
    IORING_OFF_MMAP_MASK: 0xf8000000,
    IORING_TIMEOUT_MULTISHOT: 64,
    IOU_PBUF_RING_MMAP: 1,
  }),
  ...from("kernel", "linux/io_uring.h", "Linux 6.5", {
    IORING_SETUP_NO_MMAP: 1 << 14,
    IORING_SETUP_REGISTERED_FD_ONLY: 1 << 15,
    IORING_FEAT_REG_REG_RING: 1 << 13,
  }),
  ...from("kernel", "linux/io_uring.h", "Linux 6.6", {
    IORING_SETUP_NO_SQARRAY: 1 << 16,
    IORING_ASYNC_CANCEL_USERDATA: 16,
    IORING_ASYNC_CANCEL_OP: 32,
  }),
  ...from("kernel", "linux/io_uring.h", "Linux 6.7", {
    IORING_OP_READ_MULTISHOT: 49,
    IORING_OP_WAITID: 50,
    IORING_OP_FUTEX_WAIT: 51,
    IORING_OP_FUTEX_WAKE: 52,
    IORING_OP_FUTEX_WAITV: 53,
  }),
  ...from("kernel", "linux/io_uring.h", "Linux 6.8", {
    IORING_OP_FIXED_FD_INSTALL: 54,
    IORING_REGISTER_PBUF_STATUS: 26,
  }),
  ...from("kernel", "linux/io_uring.h", "Linux 6.9", {
    IORING_OP_FTRUNCATE: 55,
    IORING_REGISTER_NAPI: 27,
    IORING_UNREGISTER_NAPI: 28,
  }),
  ...from("kernel", "linux/io_uring.h", "Linux 6.10", {
    IORING_ACCEPT_DONTWAIT: 2,
    IORING_ACCEPT_POLL_FIRST: 4,
    IORING_FEAT_RECVSEND_BUNDLE: 1 << 14,
    IORING_RECVSEND_BUNDLE: 16,
  }),
  ...from("kernel", "linux/io_uring.h", "Linux 6.11", { IORING_OP_BIND: 56, IORING_OP_LISTEN: 57 }),
  ...from("kernel", "linux/io_uring.h", "Linux 6.12", {
    IORING_CQE_F_BUF_MORE: 16,
    IORING_ENTER_ABS_TIMER: 32,
    IORING_FEAT_MIN_TIMEOUT: 1 << 15,
    IORING_REGISTER_CLOCK: 29,
    IORING_REGISTER_CLONE_BUFFERS: 30,
    IOU_PBUF_RING_INC: 2,
  }),
  ...from("kernel", "linux/io_uring.h", "Linux 6.13", {
    IORING_SETUP_HYBRID_IOPOLL: 1 << 17,
    IORING_ENTER_EXT_ARG_REG: 64,
    IORING_REGISTER_SEND_MSG_RING: 31,
    IORING_REGISTER_RESIZE_RINGS: 33,
    IORING_REGISTER_MEM_REGION: 34,
  }),
  ...from("kernel", "linux/io_uring.h", "Linux 6.14", { IORING_FEAT_RW_ATTR: 1 << 16 }),
  ...from("kernel", "linux/io_uring.h", "Linux 6.15", {
    IORING_OP_RECV_ZC: 58,
    IORING_OP_EPOLL_WAIT: 59,
    IORING_OP_READV_FIXED: 60,
    IORING_OP_WRITEV_FIXED: 61,
    IORING_ENTER_NO_IOWAIT: 128,
    IORING_FEAT_NO_IOWAIT: 1 << 17,
    IORING_REGISTER_ZCRX_IFQ: 32,
  }),
  ...from("kernel", "linux/io_uring.h", "Linux 6.16", { IORING_OP_PIPE: 62 }),
  ...from("kernel", "linux/io_uring.h", "Linux 6.17", { IORING_SEND_VECTORIZED: 32 }),
  ...from("kernel", "linux/io_uring.h", "Linux 6.18", {
    IORING_SETUP_CQE_MIXED: 1 << 18,
    IORING_CQE_F_SKIP: 32,
    IORING_CQE_F_32: 1 << 15,
    IORING_REGISTER_QUERY: 35,
  }),
  ...from("kernel", "linux/io_uring.h", "Linux 6.3", { IORING_REGISTER_USE_REGISTERED_RING: 0x80000000 }),
];

/**
 * struct tcp_info grows at its end. Linux 6.1 stops at tcpi_snd_wnd; this tail is linux/tcp.h of 6.2 (rcv_wnd, rehash),
 * 6.7 (the time-out counters) and 6.18 (accurate ECN, RFC 9768), whose last word holds bit fields.
 */
export const SUPPLEMENT_STRUCTURES = `
struct portolan_tcp_info_tail {
  __u8 head[offsetof(struct tcp_info, tcpi_snd_wnd) + sizeof(__u32)];
  __u32 tcpi_rcv_wnd, tcpi_rehash;
  __u16 tcpi_total_rto, tcpi_total_rto_recoveries;
  __u32 tcpi_total_rto_time, tcpi_received_ce;
  __u32 tcpi_delivered_e1_bytes, tcpi_delivered_e0_bytes, tcpi_delivered_ce_bytes;
  __u32 tcpi_received_e1_bytes, tcpi_received_e0_bytes, tcpi_received_ce_bytes;
  __u32 tcpi_accecn;
};
`;
