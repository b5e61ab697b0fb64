/** One thread, many sockets: what select, poll and epoll are for, and what is done here in their place. */
import { isSystemError, Socket } from "portolan";
import { abiFor, EPOLL_CTL_ADD, EPOLLIN, POLLIN, writeU32 } from "portolan/abi";
import { architecture, close, epoll_create1, epoll_ctl, epoll_wait, poll } from "portolan/sys";

const pairs = [Socket.pair("dgram"), Socket.pair("dgram"), Socket.pair("dgram")] as const;

// Each socket has a function of its own that waits; all of them wait at once.
async function echo(socket: Socket): Promise<void> {
  for (let bytes = await socket.recv(100); bytes.length > 0; bytes = await socket.recv(100)) {
    await socket.send(bytes);
  }
}
const echoes = pairs.map(([, socket]) => echo(socket));
for (const [index, [socket]] of pairs.entries()) await socket.send(`client ${index}`);
for (const [socket] of pairs) console.log(String(await socket.recv(100)));
for (const [socket] of pairs) await socket.send("");
await Promise.all(echoes);

// A limit of time, or a signal, ends a wait and leaves the socket as it was.
const [[first, second]] = pairs;
await first.recv(100, { timeoutMs: 10 }).catch((error) => console.log(isSystemError(error, "ETIMEDOUT")));
await first.recv(100, { signal: AbortSignal.timeout(10) }).catch((error) => console.log(error.name));

// Readiness alone, as poll(2) tells it.
await second.send("x");
await first.ready("readable");
console.log(first.tryRecv(new Uint8Array(9)), first.tryRecv(new Uint8Array(9)));

// And the system calls themselves, for who wants to build a loop of their own.
await second.send("x");
const pollfd = new Int32Array([first.fd, POLLIN]);
console.log("poll:", poll(pollfd, 1, -1));
const epoll = epoll_create1(0);
const { EPOLL_EVENT } = abiFor(architecture);
const event = new Uint8Array(EPOLL_EVENT.size);
writeU32(event, EPOLL_EVENT.events, EPOLLIN);
epoll_ctl(epoll, EPOLL_CTL_ADD, first.fd, event);
console.log("epoll_wait:", epoll_wait(epoll, event, 1, -1));
close(epoll);

for (const socket of pairs.flat()) socket.close();

// prints: client 0
// prints: client 1
// prints: client 2
// prints: true
// prints: TimeoutError
// prints: 1 undefined
// prints: poll: 1
// prints: epoll_wait: 1
