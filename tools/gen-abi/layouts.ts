/** The structures whose sizes and field offsets are wanted. */
import type { UnitName } from "./units.ts";

export interface Layout {
  /** The name of the generated object. */
  readonly name: string;
  /** The C type. */
  readonly type: string;
  readonly unit: UnitName;
  /** A field, or `name=field` where the headers still call it otherwise, or `field[]` for an array without an end. */
  readonly fields: readonly string[];
  /** "arch" when the layout may differ between architectures. */
  readonly scope?: "arch";
}

/** Structures whose names, in capitals, are those of constants or groups: their layouts end in _STRUCT. */
const TAKEN: ReadonlySet<string> = new Set([
  "INET_DIAG_MEMINFO",
  "IP_MSFILTER",
  "MPTCP_INFO",
  "MPTCP_SUBFLOW_ADDRS",
  "RLIMIT",
  "SCM_TIMESTAMPING",
  "SO_TIMESTAMPING",
  "TCP_INFO",
  "TCP_MD5SIG",
  "TCP_REPAIR_WINDOW",
  "TCP_ZEROCOPY_RECEIVE",
  "UNIX_DIAG_RQLEN",
  "UNIX_DIAG_VFS",
  "XDP_MMAP_OFFSETS",
  "XDP_STATISTICS",
  "XDP_UMEM_REG",
]);

function layout(unit: UnitName, type: string, fields: string, name?: string): Layout {
  const plain = type.replace(/^struct /, "").toUpperCase();
  return {
    name: name ?? (TAKEN.has(plain) ? `${plain}_STRUCT` : plain),
    type,
    unit,
    fields: fields.trim().split(/\s+/),
  };
}

const TCP_INFO_FIELDS = `tcpi_state tcpi_ca_state tcpi_retransmits tcpi_probes tcpi_backoff tcpi_options tcpi_rto tcpi_ato
  tcpi_snd_mss tcpi_rcv_mss tcpi_unacked tcpi_sacked tcpi_lost tcpi_retrans tcpi_fackets tcpi_last_data_sent
  tcpi_last_ack_sent tcpi_last_data_recv tcpi_last_ack_recv tcpi_pmtu tcpi_rcv_ssthresh tcpi_rtt tcpi_rttvar
  tcpi_snd_ssthresh tcpi_snd_cwnd tcpi_advmss tcpi_reordering tcpi_rcv_rtt tcpi_rcv_space tcpi_total_retrans
  tcpi_pacing_rate tcpi_max_pacing_rate tcpi_bytes_acked tcpi_bytes_received tcpi_segs_out tcpi_segs_in
  tcpi_notsent_bytes tcpi_min_rtt tcpi_data_segs_in tcpi_data_segs_out tcpi_delivery_rate tcpi_busy_time
  tcpi_rwnd_limited tcpi_sndbuf_limited tcpi_delivered tcpi_delivered_ce tcpi_bytes_sent tcpi_bytes_retrans
  tcpi_dsack_dups tcpi_reord_seen tcpi_rcv_ooopack tcpi_snd_wnd`;

/** The fields that Linux 6.2 and later appended, as the tail structure of the supplement declares them. */
const TCP_INFO_TAIL_FIELDS = `tcpi_rcv_wnd tcpi_rehash tcpi_total_rto tcpi_total_rto_recoveries tcpi_total_rto_time
  tcpi_received_ce tcpi_delivered_e1_bytes tcpi_delivered_e0_bytes tcpi_delivered_ce_bytes tcpi_received_e1_bytes
  tcpi_received_e0_bytes tcpi_received_ce_bytes tcpi_accecn`;

export const LAYOUTS: readonly Layout[] = [
  layout(
    "libc",
    "struct addrinfo",
    "ai_flags ai_family ai_socktype ai_protocol ai_addrlen ai_addr ai_canonname ai_next",
  ),
  layout("libc", "struct cmsghdr", "cmsg_len cmsg_level cmsg_type"),
  { ...layout("libc", "struct epoll_event", "events data"), scope: "arch" },
  layout("libc", "struct f_owner_ex", "type pid"),
  layout("kernel", "struct fanout_args", "id type_flags max_num_members"),
  layout("kernel", "struct genlmsghdr", "cmd version reserved"),
  layout("libc", "struct group_filter", "gf_interface gf_group gf_fmode gf_numsrc gf_slist[]"),
  layout("libc", "struct group_req", "gr_interface gr_group"),
  layout("libc", "struct group_source_req", "gsr_interface gsr_group gsr_source"),
  layout("libc", "struct hostent", "h_name h_aliases h_addrtype h_length h_addr_list"),
  layout("libc", "struct if_nameindex", "if_index if_name"),
  layout("libc", "struct ifaddrs", "ifa_next ifa_name ifa_flags ifa_addr ifa_netmask ifa_ifu ifa_data"),
  layout("kernel", "struct ifaddrmsg", "ifa_family ifa_prefixlen ifa_flags ifa_scope ifa_index"),
  layout("libc", "struct ifconf", "ifc_len ifc_ifcu"),
  layout("kernel", "struct ifinfomsg", "ifi_family ifi_type ifi_index ifi_flags ifi_change"),
  layout(
    "libc",
    "struct ifreq",
    `ifr_name ifr_addr ifr_dstaddr ifr_broadaddr ifr_netmask ifr_hwaddr ifr_flags ifr_ifindex ifr_metric ifr_mtu
     ifr_slave ifr_newname ifr_data ifr_qlen`,
  ),
  layout(
    "kernel",
    "struct in6_flowlabel_req",
    "flr_dst flr_label flr_action flr_share flr_flags flr_expires flr_linger",
  ),
  layout("libc", "struct in6_pktinfo", "ipi6_addr ipi6_ifindex"),
  layout("libc", "struct ip6_mtuinfo", "ip6m_addr ip6m_mtu"),
  layout("libc", "struct in_pktinfo", "ipi_ifindex ipi_spec_dst ipi_addr"),
  layout("kernel", "struct inet_diag_bc_op", "code yes no"),
  layout(
    "kernel",
    "struct inet_diag_msg",
    `idiag_family idiag_state idiag_timer idiag_retrans id idiag_expires idiag_rqueue idiag_wqueue idiag_uid
     idiag_inode`,
  ),
  layout("kernel", "struct inet_diag_meminfo", "idiag_rmem idiag_wmem idiag_fmem idiag_tmem"),
  layout("kernel", "struct inet_diag_req_v2", "sdiag_family sdiag_protocol idiag_ext pad idiag_states id"),
  layout("kernel", "struct inet_diag_sockid", "idiag_sport idiag_dport idiag_src idiag_dst idiag_if idiag_cookie"),
  layout("kernel", "struct io_cqring_offsets", "head tail ring_mask ring_entries overflow cqes flags resv1"),
  layout("kernel", "struct io_sqring_offsets", "head tail ring_mask ring_entries flags dropped array resv1"),
  layout("kernel", "struct io_uring_buf", "addr len bid resv"),
  layout("kernel", "struct io_uring_buf_reg", "ring_addr ring_entries bgid flags=pad"),
  layout("kernel", "struct io_uring_buf_ring", "bufs[] tail"),
  layout("kernel", "struct io_uring_cqe", "user_data res flags big_cqe[]"),
  layout("kernel", "struct io_uring_file_index_range", "off len resv"),
  layout("kernel", "struct io_uring_files_update", "offset resv fds"),
  layout("kernel", "struct io_uring_getevents_arg", "sigmask sigmask_sz pad ts"),
  layout(
    "kernel",
    "struct io_uring_params",
    `sq_entries cq_entries flags sq_thread_cpu sq_thread_idle features wq_fd resv sq_off cq_off`,
  ),
  layout("kernel", "struct io_uring_probe", "last_op ops_len resv ops[]"),
  layout("kernel", "struct io_uring_probe_op", "op resv flags resv2"),
  layout("kernel", "struct io_uring_recvmsg_out", "namelen controllen payloadlen flags"),
  layout("kernel", "struct io_uring_rsrc_register", "nr flags resv2 data tags"),
  layout("kernel", "struct io_uring_rsrc_update", "offset resv data"),
  layout("kernel", "struct io_uring_rsrc_update2", "offset resv data tags nr resv2"),
  layout(
    "kernel",
    "struct io_uring_sqe",
    `opcode flags ioprio fd off addr2 cmd_op addr splice_off_in len rw_flags poll_events poll32_events msg_flags
     timeout_flags accept_flags cancel_flags open_flags splice_flags msg_ring_flags user_data buf_index buf_group
     personality splice_fd_in file_index addr_len addr3 cmd[]`,
  ),
  layout("kernel", "struct io_uring_sync_cancel_reg", "addr fd flags timeout pad"),
  layout("libc", "struct iovec", "iov_base iov_len"),
  layout("libc", "struct ip_mreq", "imr_multiaddr imr_interface"),
  layout("libc", "struct ip_mreq_source", "imr_multiaddr imr_interface imr_sourceaddr"),
  layout("libc", "struct ip_mreqn", "imr_multiaddr imr_address imr_ifindex"),
  layout("libc", "struct ip_msfilter", "imsf_multiaddr imsf_interface imsf_fmode imsf_numsrc imsf_slist[]"),
  layout("libc", "struct ipv6_mreq", "ipv6mr_multiaddr ipv6mr_interface"),
  layout("libc", "struct itimerspec", "it_interval it_value"),
  layout("kernel", "struct __kernel_timespec", "tv_sec tv_nsec", "KERNEL_TIMESPEC"),
  layout("libc", "struct linger", "l_onoff l_linger"),
  layout("libc", "struct mmsghdr", "msg_hdr msg_len"),
  layout(
    "mptcp",
    "struct mptcp_info",
    `mptcpi_subflows mptcpi_add_addr_signal mptcpi_add_addr_accepted mptcpi_subflows_max mptcpi_add_addr_signal_max
     mptcpi_add_addr_accepted_max mptcpi_flags mptcpi_token mptcpi_write_seq mptcpi_snd_una mptcpi_rcv_nxt
     mptcpi_local_addr_used mptcpi_local_addr_max mptcpi_csum_enabled`,
  ),
  layout("mptcp", "struct mptcp_subflow_addrs", "ss_local ss_remote"),
  layout("mptcp", "struct mptcp_subflow_data", "size_subflow_data num_subflows size_kernel size_user"),
  layout("libc", "struct msghdr", "msg_name msg_namelen msg_iov msg_iovlen msg_control msg_controllen msg_flags"),
  layout("kernel", "struct ndmsg", "ndm_family ndm_ifindex ndm_state ndm_flags ndm_type"),
  layout("kernel", "struct nlattr", "nla_len nla_type"),
  layout("kernel", "struct nlmsgerr", "error msg"),
  layout("kernel", "struct nlmsghdr", "nlmsg_len nlmsg_type nlmsg_flags nlmsg_seq nlmsg_pid"),
  layout("kernel", "struct packet_mreq", "mr_ifindex mr_type mr_alen mr_address"),
  layout("libc", "struct pollfd", "fd events revents"),
  layout("libc", "struct protoent", "p_name p_aliases p_proto"),
  layout("libc", "struct rlimit", "rlim_cur rlim_max"),
  layout("kernel", "struct rtattr", "rta_len rta_type"),
  layout("kernel", "struct rtgenmsg", "rtgen_family"),
  layout(
    "kernel",
    "struct rtmsg",
    "rtm_family rtm_dst_len rtm_src_len rtm_tos rtm_table rtm_protocol rtm_scope rtm_type rtm_flags",
  ),
  layout("kernel", "struct scm_timestamping", "ts"),
  layout("kernel", "struct scm_ts_pktinfo", "if_index pkt_length"),
  layout("libc", "struct servent", "s_name s_aliases s_port s_proto"),
  layout("libc", "siginfo_t", "si_signo si_errno si_code si_pid si_uid si_status si_fd si_band", "SIGINFO"),
  layout(
    "libc",
    "struct signalfd_siginfo",
    "ssi_signo ssi_errno ssi_code ssi_pid ssi_uid ssi_fd ssi_band ssi_status ssi_int",
  ),
  layout("kernel", "struct so_timestamping", "flags bind_phc"),
  layout("kernel", "struct sock_extended_err", "ee_errno ee_origin ee_type ee_code ee_pad ee_info ee_data"),
  layout("kernel", "struct sock_filter", "code jt jf k"),
  layout("kernel", "struct sock_fprog", "len filter"),
  layout("kernel", "struct sock_txtime", "clockid flags"),
  layout("libc", "struct sockaddr", "sa_family sa_data"),
  layout("libc", "struct sockaddr_in", "sin_family sin_port sin_addr sin_zero"),
  layout("libc", "struct sockaddr_in6", "sin6_family sin6_port sin6_flowinfo sin6_addr sin6_scope_id"),
  layout(
    "kernel",
    "struct sockaddr_ll",
    "sll_family sll_protocol sll_ifindex sll_hatype sll_pkttype sll_halen sll_addr",
  ),
  layout("kernel", "struct sockaddr_nl", "nl_family nl_pad nl_pid nl_groups"),
  layout("libc", "struct sockaddr_storage", "ss_family"),
  layout("libc", "struct sockaddr_un", "sun_family sun_path"),
  layout("kernel", "struct sockaddr_vm", "svm_family svm_port svm_cid svm_flags"),
  layout("kernel", "struct sockaddr_xdp", "sxdp_family sxdp_flags sxdp_ifindex sxdp_queue_id sxdp_shared_umem_fd"),
  {
    ...layout(
      "libc",
      "struct stat",
      "st_dev st_ino st_mode st_nlink st_uid st_gid st_rdev st_size st_blksize st_blocks st_atim st_mtim st_ctim",
    ),
    scope: "arch",
  },
  layout("kernel", "struct tcmsg", "tcm_family tcm_ifindex tcm_handle tcm_parent tcm_info"),
  layout("kernel", "struct tcp_info", TCP_INFO_FIELDS),
  layout("kernel", "struct tcp_md5sig", "tcpm_addr tcpm_flags tcpm_prefixlen tcpm_keylen tcpm_ifindex tcpm_key"),
  layout("kernel", "struct tcp_repair_opt", "opt_code opt_val"),
  layout("kernel", "struct tcp_repair_window", "snd_wl1 snd_wnd max_window rcv_wnd rcv_wup"),
  layout(
    "kernel",
    "struct tcp_zerocopy_receive",
    `address length recv_skip_hint inq err copybuf_address copybuf_len flags msg_control msg_controllen msg_flags`,
  ),
  layout("kernel", "struct portolan_tcp_info_tail", TCP_INFO_TAIL_FIELDS, "TCP_INFO_TAIL"),
  layout("libc", "struct timespec", "tv_sec tv_nsec"),
  layout("libc", "struct timeval", "tv_sec tv_usec"),
  layout(
    "kernel",
    "struct tpacket2_hdr",
    "tp_status tp_len tp_snaplen tp_mac tp_net tp_sec tp_nsec tp_vlan_tci tp_vlan_tpid",
  ),
  layout(
    "kernel",
    "struct tpacket3_hdr",
    "tp_next_offset tp_sec tp_nsec tp_snaplen tp_len tp_status tp_mac tp_net hv1",
  ),
  layout("kernel", "struct tpacket_auxdata", "tp_status tp_len tp_snaplen tp_mac tp_net tp_vlan_tci tp_vlan_tpid"),
  layout("kernel", "struct tpacket_block_desc", "version offset_to_priv hdr"),
  layout(
    "kernel",
    "struct tpacket_hdr_v1",
    "block_status num_pkts offset_to_first_pkt blk_len seq_num ts_first_pkt ts_last_pkt",
  ),
  layout("kernel", "struct tpacket_hdr_variant1", "tp_rxhash tp_vlan_tci tp_vlan_tpid"),
  layout("kernel", "struct tpacket_req", "tp_block_size tp_block_nr tp_frame_size tp_frame_nr"),
  layout(
    "kernel",
    "struct tpacket_req3",
    `tp_block_size tp_block_nr tp_frame_size tp_frame_nr tp_retire_blk_tov tp_sizeof_priv tp_feature_req_word`,
  ),
  layout("kernel", "struct tpacket_rollover_stats", "tp_all tp_huge tp_failed"),
  layout("kernel", "struct tpacket_stats", "tp_packets tp_drops"),
  layout("kernel", "struct tpacket_stats_v3", "tp_packets tp_drops tp_freeze_q_cnt"),
  layout("libc", "struct ucred", "pid uid gid"),
  layout("kernel", "struct unix_diag_msg", "udiag_family udiag_type udiag_state udiag_ino udiag_cookie"),
  layout(
    "kernel",
    "struct unix_diag_req",
    "sdiag_family sdiag_protocol udiag_states udiag_ino udiag_show udiag_cookie",
  ),
  layout("kernel", "struct unix_diag_rqlen", "udiag_rqueue udiag_wqueue"),
  layout("kernel", "struct unix_diag_vfs", "udiag_vfs_ino udiag_vfs_dev"),
  layout("kernel", "struct virtio_net_hdr", "flags gso_type hdr_len gso_size csum_start csum_offset"),
  layout("kernel", "struct xdp_desc", "addr len options"),
  layout("kernel", "struct xdp_mmap_offsets", "rx tx fr cr"),
  layout("kernel", "struct xdp_ring_offset", "producer consumer desc flags"),
  layout(
    "kernel",
    "struct xdp_statistics",
    "rx_dropped rx_invalid_descs tx_invalid_descs rx_ring_full rx_fill_ring_empty_descs tx_ring_empty_descs",
  ),
  layout("kernel", "struct xdp_umem_reg", "addr len chunk_size headroom flags"),
];
