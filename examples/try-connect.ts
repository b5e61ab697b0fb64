/** The classic non-blocking connect: begin, wait until the socket is writable, ask for the outcome. */
import { listen, Socket } from "portolan";

const listener = await listen("tcp://127.0.0.1:0");
const address = listener.localAddress;

using socket = new Socket("inet", "stream");
console.log("at first:", socket.tryConnect(address));
await socket.ready("writable");
console.log("waiting error:", socket.takeError()?.code ?? "none");
console.log("once more:", socket.tryConnect(address));
console.log("and again:", socket.tryConnect(address));

listener.close();
using late = new Socket("inet", "stream");
console.log("nobody listens:", late.tryConnect(address));
await late.ready("writable");
console.log("waiting error:", late.takeError()?.code ?? "none");

// prints: at first: EINPROGRESS
// prints: waiting error: none
// prints: once more: connected
// prints: and again: EISCONN
// prints: nobody listens: EINPROGRESS
// prints: waiting error: ECONNREFUSED
