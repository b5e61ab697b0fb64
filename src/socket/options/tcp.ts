/** Level SOL_TCP: options of TCP sockets. tcp(7) */
export const TCP_OPTIONS = {
  TCP_CONGESTION: { kind: "text", access: "rw", since: "2.6.13", page: "tcp(7)" },
  TCP_CORK: { kind: "bool", access: "rw", since: "2.2", page: "tcp(7)" },
  TCP_DEFER_ACCEPT: { kind: "int", access: "rw", since: "2.4", page: "tcp(7)" },
  TCP_FASTOPEN: { kind: "int", access: "rw", since: "3.6", page: "tcp(7)" },
  TCP_FASTOPEN_CONNECT: { kind: "bool", access: "rw", since: "4.11", page: "tcp(7)" },
  TCP_KEEPCNT: { kind: "int", access: "rw", since: "2.4", page: "tcp(7)" },
  TCP_KEEPIDLE: { kind: "int", access: "rw", since: "2.4", page: "tcp(7)" },
  TCP_KEEPINTVL: { kind: "int", access: "rw", since: "2.4", page: "tcp(7)" },
  TCP_LINGER2: { kind: "int", access: "rw", since: "2.4", page: "tcp(7)" },
  TCP_MAXSEG: { kind: "int", access: "rw", since: "2.0", page: "tcp(7)" },
  TCP_NODELAY: { kind: "bool", access: "rw", since: "2.0", page: "tcp(7)" },
  TCP_NOTSENT_LOWAT: { kind: "uint", access: "rw", since: "3.12", page: "tcp(7)" },
  TCP_QUICKACK: { kind: "bool", access: "rw", since: "2.4.4", page: "tcp(7)" },
  TCP_SYNCNT: { kind: "int", access: "rw", since: "2.4", page: "tcp(7)" },
  TCP_USER_TIMEOUT: { kind: "uint", access: "rw", since: "2.6.37", page: "tcp(7)" },
  TCP_WINDOW_CLAMP: { kind: "int", access: "rw", since: "2.4", page: "tcp(7)" },
} as const;
