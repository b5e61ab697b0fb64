/**
 * The binding table: what libc calls we make, as data. The typed face of each call, its documentation and its SAFETY
 * line stand in the file of its kind (`sockets.ts`, `io.ts`, …).
 *
 * The `…At` twins take addresses of memory that does not move instead of typed arrays: 44 ns instead of 75 ns a call,
 * which the loops notice. Variadic functions have one fixed prototype per use: koffi's variadic calls cost twice as
 * much (man-pages ioctl(2), fcntl(2) tell which argument each request takes).
 *
 * Types: `address` is a number that holds a pointer, the fastest to pass; `memory` is a pointer given as a typed array,
 * a number or null; `text` is a NUL-terminated string; `long` and `ulong` are as wide as a pointer.
 */

export const socketTable = {
  accept4: "int accept4(int, memory, memory, int)",
  accept4At: "int accept4(int, address, address, int)",
  bind: "int bind(int, memory, uint)",
  connect: "int connect(int, memory, uint)",
  getpeername: "int getpeername(int, memory, memory)",
  getsockname: "int getsockname(int, memory, memory)",
  getsockopt: "int getsockopt(int, int, int, memory, memory)",
  listen: "int listen(int, int)",
  recv: "long recv(int, memory, ulong, int)",
  recvAt: "int recv(int, address, uint, int)",
  recvfrom: "long recvfrom(int, memory, ulong, int, memory, memory)",
  recvmmsg: "int recvmmsg(int, memory, uint, int, memory)",
  recvmmsgAt: "int recvmmsg(int, address, uint, int, address)",
  recvmsg: "long recvmsg(int, memory, int)",
  send: "long send(int, memory, ulong, int)",
  sendAt: "int send(int, address, uint, int)",
  sendmmsg: "int sendmmsg(int, memory, uint, int)",
  sendmmsgAt: "int sendmmsg(int, address, uint, int)",
  sendmsg: "long sendmsg(int, memory, int)",
  sendto: "long sendto(int, memory, ulong, int, memory, uint)",
  setsockopt: "int setsockopt(int, int, int, memory, uint)",
  shutdown: "int shutdown(int, int)",
  socket: "int socket(int, int, int)",
  socketpair: "int socketpair(int, int, int, memory)",
} as const;

export const ioTable = {
  close: "int close(int)",
  dup: "int dup(int)",
  dup3: "int dup3(int, int, int)",
  fcntl: "int fcntl(int, int, int)",
  flock: "int flock(int, int)",
  ioctl: "int ioctl(int, ulong, memory)",
  ioctlValue: "int ioctl(int, ulong, long)",
  open: "int open(text, int, int)",
  pipe2: "int pipe2(memory, int)",
  read: "long read(int, memory, ulong)",
  readv: "long readv(int, memory, int)",
  sendfile: "long sendfile(int, int, memory, ulong)",
  splice: "long splice(int, memory, int, memory, ulong, uint)",
  write: "long write(int, memory, ulong)",
  writev: "long writev(int, memory, int)",
} as const;

export const eventTable = {
  epoll_create1: "int epoll_create1(int)",
  epoll_ctl: "int epoll_ctl(int, int, int, memory)",
  epoll_ctlAt: "int epoll_ctl(int, int, int, address)",
  epoll_wait: "int epoll_wait(int, memory, int, int)",
  epoll_waitAt: "int epoll_wait(int, address, int, int)",
  eventfd: "int eventfd(uint, int)",
  poll: "int poll(memory, ulong, int)",
  pollAt: "int poll(address, ulong, int)",
  ppoll: "int ppoll(memory, ulong, memory, memory)",
  select: "int select(int, memory, memory, memory, memory)",
  timerfd_create: "int timerfd_create(int, int)",
  timerfd_gettime: "int timerfd_gettime(int, memory)",
  timerfd_settime: "int timerfd_settime(int, int, memory, memory)",
} as const;

export const memoryTable = {
  calloc: "address calloc(ulong, ulong)",
  free: "void free(address)",
  mmap: "long mmap(address, ulong, int, int, int, long)",
  munmap: "int munmap(address, ulong)",
} as const;

export const lookupTable = {
  freeaddrinfo: "void freeaddrinfo(address)",
  freeifaddrs: "void freeifaddrs(address)",
  gai_strerror: "address gai_strerror(int)",
  getaddrinfo: "int getaddrinfo(text, text, memory, memory)",
  gethostbyaddr: "address gethostbyaddr(memory, uint, int)",
  gethostbyname2: "address gethostbyname2(text, int)",
  getifaddrs: "int getifaddrs(memory)",
  getnameinfo: "int getnameinfo(memory, uint, memory, uint, memory, uint, int)",
  getprotobyname: "address getprotobyname(text)",
  getprotobynumber: "address getprotobynumber(int)",
  getservbyname: "address getservbyname(text, text)",
  getservbyport: "address getservbyport(int, text)",
  if_indextoname: "address if_indextoname(uint, memory)",
  if_nametoindex: "uint if_nametoindex(text)",
} as const;

/** libuv's own calls (libuv 1.x `uv_poll_t`) and the two of Node-API that tie them to a thread's environment. */
export const uvTable = {
  napi_add_env_cleanup_hook: "int napi_add_env_cleanup_hook(address, address, address)",
  napi_get_uv_event_loop: "int napi_get_uv_event_loop(address, memory)",
  napi_remove_env_cleanup_hook: "int napi_remove_env_cleanup_hook(address, address, address)",
  uv_close: "void uv_close(address, address)",
  uv_handle_size: "ulong uv_handle_size(int)",
  uv_poll_init: "int uv_poll_init(address, address, int)",
  uv_poll_start: "int uv_poll_start(address, int, address)",
  uv_poll_stop: "int uv_poll_stop(address)",
  uv_ref: "void uv_ref(address)",
  uv_unref: "void uv_unref(address)",
} as const;
