/** UDP: datagrams with addresses, cut if the room is small, lost if nobody listens. */
import { formatAddress, Socket } from "portolan";

using server = new Socket("inet", "dgram");
server.bind("udp://127.0.0.1:0");
const address = server.localAddress;

async function serve(): Promise<void> {
  while (!server.closed) {
    const { bytes, address: from } = await server.recvFrom(2048);
    if (bytes.length === 0 || from === undefined) return;
    await server.sendTo(String(bytes).toUpperCase(), from);
  }
}
const serving = serve();

using client = new Socket("inet", "dgram");
await client.sendTo("who are you?", address);
const answer = await client.recvFrom(2048, { timeoutMs: 1000 });
console.log(
  `${answer.bytes}, says the server:`,
  answer.address && formatAddress(answer.address) === formatAddress(address),
);

// A datagram that does not fit is cut, and the rest is gone.
await client.sendTo("0123456789", address);
const cut = await client.recvFrom(4);
console.log(`${cut.bytes}: ${cut.fullLengthBytes} bytes long, truncated: ${cut.truncated}`);

// Connected, a UDP socket needs no address, hears its peer only, and learns that nobody listens.
await client.connect(address);
await client.send("connected");
console.log(String(await client.recv(2048)));

await client.send("");
await serving;

// prints: WHO ARE YOU?, says the server: true
// prints: 0123: 10 bytes long, truncated: true
// prints: CONNECTED
