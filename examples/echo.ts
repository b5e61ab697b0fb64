/** An echo server and its client, in one program. */
import { connect, formatEndpoint, listen } from "portolan";

// Port 0: the kernel chooses one; the listener knows which.
using listener = await listen("tcp://127.0.0.1:0");

async function serve(): Promise<void> {
  for await (const connection of listener) {
    using peer = connection;
    for (let bytes = await peer.recv(1024); bytes.length > 0; bytes = await peer.recv(1024)) {
      await peer.sendAll(bytes);
    }
  }
}
void serve();

const endpoint = formatEndpoint({ transport: "tcp", address: listener.localAddress });
using client = await connect(endpoint, { timeoutMs: 1000, options: { TCP_NODELAY: true } });
await client.sendAll("hello");
console.log(String(await client.readExactly(5)));

// prints: hello
