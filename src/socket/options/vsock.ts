/** Level AF_VSOCK: options of vsock stream and seqpacket sockets. vsock(7) */
export const VSOCK_OPTIONS = {
  SO_VM_SOCKETS_BUFFER_MAX_SIZE: {
    kind: "uint64",
    access: "rw",
    since: "3.9",
    when: "before-connect",
    page: "vsock(7)",
  },
  SO_VM_SOCKETS_BUFFER_MIN_SIZE: {
    kind: "uint64",
    access: "rw",
    since: "3.9",
    when: "before-connect",
    page: "vsock(7)",
  },
  SO_VM_SOCKETS_BUFFER_SIZE: { kind: "uint64", access: "rw", since: "3.9", when: "before-connect", page: "vsock(7)" },
  SO_VM_SOCKETS_CONNECT_TIMEOUT: {
    kind: "milliseconds",
    access: "rw",
    since: "3.9",
    when: "before-connect",
    page: "vsock(7)",
  },
  SO_VM_SOCKETS_CONNECT_TIMEOUT_NEW: {
    kind: "milliseconds",
    access: "rw",
    since: "5.16",
    when: "before-connect",
    page: "linux/vm_sockets.h",
    note: "with 64-bit seconds on every machine",
  },
  SO_VM_SOCKETS_CONNECT_TIMEOUT_OLD: {
    kind: "milliseconds",
    access: "rw",
    since: "3.9",
    when: "before-connect",
    page: "linux/vm_sockets.h",
    note: "another name of SO_VM_SOCKETS_CONNECT_TIMEOUT on 64-bit machines",
  },
} as const;
