/** Calls that never wait: what O_NONBLOCK, EAGAIN and MSG_DONTWAIT are for in C. */
import { isSystemError, listen, Socket } from "portolan";
import { MSG_DONTWAIT } from "portolan/abi";

using listener = await listen("tcp://127.0.0.1:0");
console.log("nobody there:", listener.tryAccept());

using client = new Socket("inet", "stream");
await client.connect(listener.localAddress);
using server = await listener.accept();

const buffer = new Uint8Array(100);
console.log("nothing there:", server.tryRecv(buffer));
try {
  server.recvSync(buffer, { flags: MSG_DONTWAIT });
} catch (error) {
  if (isSystemError(error)) console.log("with MSG_DONTWAIT:", error.code);
}

await client.send("some");
await server.ready("readable");
console.log("something there:", server.tryRecv(buffer));

// A peer that does not read fills the kernel's buffers; then trySend takes nothing.
const block = new Uint8Array(65536);
while (client.trySend(block) !== undefined);
console.log("full:", client.trySend(block));

// prints: nobody there: undefined
// prints: nothing there: undefined
// prints: with MSG_DONTWAIT: EAGAIN
// prints: something there: 4
// prints: full: undefined
