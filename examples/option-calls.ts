/** Options: by their C names with the types they have, by friendly names, or as bytes by their numbers. */
import { Socket } from "portolan";
import { SO_KEEPALIVE, SOL_SOCKET } from "portolan/abi";

using socket = new Socket("inet", "stream");

socket.setOption("TCP_NODELAY", true);
socket.setOption("SO_LINGER", { enabled: true, seconds: 5 });
console.log(socket.getOption("TCP_NODELAY"), socket.getOption("SO_LINGER"));

socket.keepAlive = true;
socket.lingerSeconds = 0;
console.log(socket.keepAlive, socket.lingerSeconds);

// Any option has its numbers, also one that this package does not know.
console.log(socket.getRawOption(SOL_SOCKET, SO_KEEPALIVE, 4));
socket.setRawOption(SOL_SOCKET, SO_KEEPALIVE, 0);
console.log(socket.keepAlive);

// prints: true { enabled: true, seconds: 5 }
// prints: true 0
// prints: Uint8Array(4) [ 1, 0, 0, 0 ]
// prints: false
