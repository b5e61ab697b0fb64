/** sendmsg and recvmsg: several buffers, and what goes along with a message. */
import { Socket } from "portolan";

using server = new Socket("inet", "dgram");
server.bind("udp://0.0.0.0:0");
server.setOption("IP_PKTINFO", true);
server.setOption("IP_RECVTTL", true);
const { port } = server.localAddress as { port: number };

using client = new Socket("inet", "dgram");
await client.sendMessage({
  data: [Buffer.from("head, "), Buffer.from("body")],
  to: { family: "inet", address: "127.0.0.1", port },
  control: [{ type: "IP_TTL", value: 7 }],
});

const head = new Uint8Array(6);
const body = new Uint8Array(100);
using message = await server.recvMessage({ buffers: [head, body] });
console.log(String(Buffer.from(head)), message.lengthBytes, message.truncated);
console.log("sent to", message.find("IP_PKTINFO")?.destinationAddress, "with TTL", message.find("IP_TTL")?.value);

// prints: head,  10 false
// prints: sent to 127.0.0.1 with TTL 7
