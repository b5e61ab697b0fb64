/** What becomes of a datagram to a port where nobody listens: it depends on who asked. */
import { isSystemError, listen, Socket } from "portolan";

// A port that was just given back.
const receiver = await listen("udp://127.0.0.1:0");
const target = receiver.localAddress;
receiver.close();

// Unconnected: the socket may have sent to many, so the kernel keeps the answer to itself.
using plain = new Socket("inet", "dgram");
await plain.sendTo("anybody?", target);
console.log("unconnected:", plain.takeError("send")?.code ?? "nothing is heard");

// Connected: there is but one peer, and the next call fails for the datagram before.
using connected = new Socket("inet", "dgram");
await connected.connect(target);
await connected.send("anybody?");
try {
  await connected.recv(100);
} catch (error) {
  if (isSystemError(error)) console.log("connected:", error.code, "from", error.syscall);
}

// Unconnected, with IP_RECVERR: the error queue says which datagram, to whom, and what the ICMP message was.
using curious = new Socket("inet", "dgram");
curious.setOption("IP_RECVERR", true);
await curious.sendTo("anybody?", target);
const { error, bytes } = await curious.recvError();
console.log(`queued: ${error.code} for "${bytes}", ICMP type ${error.eeType} code ${error.eeCode}`);

// prints: unconnected: nothing is heard
// prints: connected: ECONNREFUSED from recv
// prints: queued: ECONNREFUSED for "anybody?", ICMP type 3 code 3
