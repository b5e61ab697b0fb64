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
  clock_gettime: "int clock_gettime(int, memory)",
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

export const processTable = {
  ftruncate: "int ftruncate(int, long)",
  memfd_create: "int memfd_create(text, uint)",
  pidfd_open: "int syscall(long, int, uint)",
  pidfd_send_signal: "int syscall(long, int, int, memory, uint)",
  posix_spawn: "int posix_spawn(memory, text, memory, memory, memory, memory)",
  posix_spawn_file_actions_addchdir_np: "int posix_spawn_file_actions_addchdir_np(memory, text)",
  posix_spawn_file_actions_adddup2: "int posix_spawn_file_actions_adddup2(memory, int, int)",
  posix_spawn_file_actions_addopen: "int posix_spawn_file_actions_addopen(memory, int, text, int, uint)",
  posix_spawn_file_actions_destroy: "int posix_spawn_file_actions_destroy(memory)",
  posix_spawn_file_actions_init: "int posix_spawn_file_actions_init(memory)",
  posix_spawnattr_init: "int posix_spawnattr_init(memory)",
  posix_spawnattr_setflags: "int posix_spawnattr_setflags(memory, int)",
  posix_spawnattr_setsigdefault: "int posix_spawnattr_setsigdefault(memory, memory)",
  signal: "long signal(int, long)",
  waitid: "int waitid(int, uint, memory, int)",
} as const;

/** New in glibc 2.34; musl does not have it. */
export const closeFromTable = {
  posix_spawn_file_actions_addclosefrom_np: "int posix_spawn_file_actions_addclosefrom_np(memory, int)",
} as const;

export const lookupTable = {
  freeaddrinfo: "void freeaddrinfo(address)",
  freeifaddrs: "void freeifaddrs(address)",
  gai_strerror: "address gai_strerror(int)",
  getaddrinfo: "int getaddrinfo(text, text, memory, memory)",
  gethostbyaddr_r: "int gethostbyaddr_r(address, uint, int, address, address, ulong, address, address)",
  gethostbyname2_r: "int gethostbyname2_r(text, int, address, address, ulong, address, address)",
  getifaddrs: "int getifaddrs(memory)",
  getnameinfo: "int getnameinfo(memory, uint, memory, uint, memory, uint, int)",
  getprotobyname: "address getprotobyname(text)",
  getprotobynumber: "address getprotobynumber(int)",
  getservbyname_r: "int getservbyname_r(text, text, address, address, ulong, address)",
  getservbyport_r: "int getservbyport_r(int, text, address, address, ulong, address)",
  if_freenameindex: "void if_freenameindex(address)",
  if_indextoname: "address if_indextoname(uint, memory)",
  if_nameindex: "address if_nameindex()",
  if_nametoindex: "uint if_nametoindex(text)",
} as const;

/** musl keeps its protocols in a table of the program, and has no reentrant calls for them. */
export const protocolLookupTable = {
  getprotobyname_r: "int getprotobyname_r(text, address, address, ulong, address)",
  getprotobynumber_r: "int getprotobynumber_r(int, address, address, ulong, address)",
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

/** libc has no names for these calls: they go by number, which is the same on both architectures. */
export const uringTable = {
  io_uring_enter: "int syscall(long, int, uint, uint, uint, address, ulong)",
  io_uring_register: "int syscall(long, int, uint, memory, uint)",
  io_uring_setup: "int syscall(long, uint, memory)",
} as const;
