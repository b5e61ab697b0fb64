/** Multicast on the loopback interface: one sender, two members of a group; and what broadcast asks for. */
import { isSystemError, Socket } from "portolan";

const group = "239.1.2.3";
const loopback = "127.0.0.1";

function member(port: number): Socket {
  const socket = new Socket("inet", "dgram");
  socket.setOption("SO_REUSEADDR", true);
  socket.bind({ family: "inet", address: group, port });
  socket.setOption("IP_ADD_MEMBERSHIP", { group, interfaceAddress: loopback });
  return socket;
}
using first = member(0);
const { port } = first.localAddress as { port: number };
using second = member(port);

using sender = new Socket("inet", "dgram");
sender.setOption("IP_MULTICAST_IF", { interfaceAddress: loopback });
sender.setOption("IP_MULTICAST_TTL", 1);
await sender.sendTo("to all members", { family: "inet", address: group, port });
console.log(String(await first.recv(100)), "|", String(await second.recv(100)));

const everybody = { family: "inet", address: "127.255.255.255", port } as const;
await sender.sendTo("to all", everybody).catch((error) => console.log(isSystemError(error, "EACCES")));
sender.broadcast = true;
console.log(await sender.sendTo("to all", everybody));

// prints: to all members | to all members
// prints: true
// prints: 6
