/** The calls of a first TCP server and client, blocking, one by one, as a C program makes them. */
import { formatAddress, Socket } from "portolan";
import { IPPROTO_TCP } from "portolan/abi";

const server = new Socket("inet", "stream", IPPROTO_TCP);
server.setOption("SO_REUSEADDR", true);
server.bind({ family: "inet", address: "127.0.0.1", port: 0 });
server.listen(5);

const bound = server.localAddress;
if (bound.family === "inet") console.log("the kernel chose a port:", bound.port > 0);

// The kernel completes the handshake by itself: nobody has called accept yet.
const client = new Socket("inet", "stream");
client.connectSync(bound);

const connection = server.acceptSync();
const peer = connection.remoteAddress;
console.log("accepted the client:", peer !== undefined && formatAddress(peer) === formatAddress(client.localAddress));

const sent = client.sendSync("GET / HTTP/1.0\r\n\r\n");
const buffer = new Uint8Array(512);
const received = connection.recvSync(buffer);
console.log(`sent ${sent} bytes, received ${received}`);

client.shutdown("write");
console.log("after the client's shutdown recv gives", connection.recvSync(buffer));
connection.sendAllSync("the other direction is still open");
console.log(String(client.recvSync(512)));

connection.close();
client.close();
server.close();

// prints: the kernel chose a port: true
// prints: accepted the client: true
// prints: sent 18 bytes, received 18
// prints: after the client's shutdown recv gives 0
// prints: the other direction is still open
