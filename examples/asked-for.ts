/** What users ask Node for and do not get: options of Node's own sockets, TCP_INFO, the address that a datagram was sent to. */
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { connect, listen, Socket } from "portolan";

// Any option of a socket that Node owns; here DSCP EF, and what the kernel knows of the connection.
const server = createServer((request, response) => {
  using twin = Socket.fromDuplicate(request.socket);
  twin.setOption("IP_TOS", 46 << 2);
  response.end(twin.tcpInfo().stateName);
}).listen(0, "127.0.0.1");
await once(server, "listening");
const { port } = server.address() as AddressInfo;
console.log(await (await fetch(`http://127.0.0.1:${port}`)).text());
server.close();
server.closeAllConnections();

// Options before connecting, from an address and port of one's own.
using listener = await listen("tcp://127.0.0.1:0");
using client = await connect(`tcp://127.0.0.1:${"port" in listener.localAddress ? listener.localAddress.port : 0}`, {
  local: "tcp://127.0.0.2:0",
  options: { SO_KEEPALIVE: true, TCP_KEEPIDLE: 60, TCP_KEEPINTVL: 10, TCP_KEEPCNT: 3, TCP_USER_TIMEOUT: 90_000 },
});
console.log(client.localAddress);

// Which of our addresses a datagram was sent to, and an answer from that one.
using wild = new Socket("inet", "dgram");
wild.bind("udp://0.0.0.0:0");
wild.setOption("IP_PKTINFO", true);
using guest = new Socket("inet", "dgram");
const at = wild.localAddress;
await guest.sendTo("which of you?", { family: "inet", address: "127.0.0.7", port: "port" in at ? at.port : 0 });
const message = await wild.recvMessage({ sizeBytes: 2048 });
const info = message.find("IP_PKTINFO");
if (info !== undefined && message.address !== undefined) {
  const own = { type: "IP_PKTINFO", interfaceIndex: 0, localAddress: info.destinationAddress ?? "" } as const;
  await wild.sendMessage({ data: "me", to: message.address, control: [own] });
}
const { bytes, address } = await guest.recvFrom(100);
console.log(String(bytes), address);

// prints: TCP_ESTABLISHED
// prints: { family: 'inet', address: '127.0.0.2', port: <port> }
// prints: me { family: 'inet', address: '127.0.0.7', port: <port> }
