/**
 * The headers, in sets that can be compiled together. The C library and the kernel both describe the same things and
 * their descriptions collide, so each set is a translation unit of its own; a name met in two of them must have one
 * value, which the generator checks.
 */

export type UnitName = "families" | "kernel" | "libc" | "mptcp";

export interface Unit {
  readonly name: UnitName;
  readonly headers: readonly string[];
}

export const UNITS: readonly Unit[] = [
  {
    name: "libc",
    headers: [
      "arpa/inet.h",
      "errno.h",
      "fcntl.h",
      "ifaddrs.h",
      "net/if.h",
      "netdb.h",
      "netinet/icmp6.h",
      "netinet/in.h",
      "netinet/ip.h",
      "netinet/ip_icmp.h",
      "netinet/tcp.h",
      "netinet/udp.h",
      "poll.h",
      "sched.h",
      "signal.h",
      "spawn.h",
      "stddef.h",
      "sys/epoll.h",
      "sys/eventfd.h",
      "sys/ioctl.h",
      "sys/mman.h",
      "sys/prctl.h",
      "sys/random.h",
      "sys/resource.h",
      "sys/select.h",
      "sys/signalfd.h",
      "sys/socket.h",
      "sys/stat.h",
      "sys/syscall.h",
      "sys/time.h",
      "sys/timerfd.h",
      "sys/uio.h",
      "sys/un.h",
      "sys/wait.h",
      "time.h",
      "unistd.h",
    ],
  },
  {
    name: "kernel",
    headers: [
      "stddef.h",
      "time.h",
      "asm/ioctls.h",
      "asm/socket.h",
      "linux/capability.h",
      "linux/errqueue.h",
      "linux/filter.h",
      "linux/genetlink.h",
      "linux/icmp.h",
      "linux/icmpv6.h",
      "linux/if.h",
      "linux/if_addr.h",
      "linux/if_arp.h",
      "linux/if_bridge.h",
      "linux/if_ether.h",
      "linux/if_link.h",
      "linux/if_packet.h",
      "linux/if_tun.h",
      "linux/if_xdp.h",
      "linux/in.h",
      "linux/in6.h",
      "linux/inet_diag.h",
      "linux/io_uring.h",
      "linux/neighbour.h",
      "linux/net_namespace.h",
      "linux/net_tstamp.h",
      "linux/netlink.h",
      "linux/netlink_diag.h",
      "linux/packet_diag.h",
      "linux/pkt_sched.h",
      "linux/rtnetlink.h",
      "linux/sock_diag.h",
      "linux/socket.h",
      "linux/sockios.h",
      "linux/tcp.h",
      "linux/time_types.h",
      "linux/udp.h",
      "linux/unix_diag.h",
      "linux/veth.h",
      "linux/virtio_net.h",
      "linux/vm_sockets.h",
      "linux/vm_sockets_diag.h",
    ],
  },
  // Families that few kernels have.
  {
    name: "families",
    headers: [
      "linux/can.h",
      "linux/can/bcm.h",
      "linux/can/j1939.h",
      "linux/can/raw.h",
      "linux/if_alg.h",
      "linux/tipc.h",
    ],
  },
  // It includes the C library's netinet/in.h, which does not go with linux/in.h.
  { name: "mptcp", headers: ["stddef.h", "linux/mptcp.h"] },
];

/** The source that includes a unit's headers, and nothing else. */
export function includes(unit: Unit): string {
  return ["#define _GNU_SOURCE 1", ...unit.headers.map((header) => `#include <${header}>`), ""].join("\n");
}
