/** A second connect: TCP refuses, UDP changes its peer, and AF_UNSPEC takes the peer away. */
import { connect, isSystemError, listen, Socket } from "portolan";

using one = await listen("tcp://127.0.0.1:0");
using other = await listen("tcp://127.0.0.1:0");
using stream = await connect(`tcp://127.0.0.1:${(one.localAddress as { port: number }).port}`);
try {
  await stream.connect(other.localAddress);
} catch (error) {
  if (isSystemError(error)) console.log("TCP:", error.code);
}

using first = await listen("udp://127.0.0.1:0");
using second = await listen("udp://127.0.0.1:0");
using datagrams = new Socket("inet", "dgram");
for (const [name, peer] of Object.entries({ first, second })) {
  await datagrams.connect(peer.localAddress);
  await datagrams.send(`to the ${name}`);
  console.log("UDP:", String(await peer.recv(100)));
}
datagrams.disconnect();
console.log("UDP, dissolved:", datagrams.remoteAddress ?? "no peer");

// prints: TCP: EISCONN
// prints: UDP: to the first
// prints: UDP: to the second
// prints: UDP, dissolved: no peer
