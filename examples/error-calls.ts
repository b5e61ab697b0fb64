/** errno, perror and strerror; and the two that surprise: EINTR and SIGPIPE. */
import { isSystemError, listen, Socket, SystemError } from "portolan";
import { ECONNREFUSED, errnoMessage, errnoName } from "portolan/abi";

const listener = await listen("tcp://127.0.0.1:0");
const address = listener.localAddress;
listener.close();

using socket = new Socket("inet", "stream");
try {
  await socket.connect(address);
} catch (error) {
  if (!(error instanceof SystemError)) throw error;
  console.log(error.code, error.errno, error.syscall);
  console.log(error.errno === -ECONNREFUSED, errnoName(error.errno), errnoMessage(error.errno));
}

// No signal kills who writes to a connection that is gone: the call fails with EPIPE.
const [ours, theirs] = Socket.pair("stream");
theirs.close();
await ours.send("into the void").catch((error) => console.log(isSystemError(error, "EPIPE")));
ours.close();

// Misuse is refused before there is a system call. EINTR is never seen: calls are made again.
try {
  socket.bind({ family: "inet", address: "256.0.0.1", port: 0 });
} catch (error) {
  console.log(String(error));
}

// prints: ECONNREFUSED -111 connect
// prints: true ECONNREFUSED Connection refused
// prints: true
// prints: RangeError: host "256.0.0.1" is not an IPv4 address
