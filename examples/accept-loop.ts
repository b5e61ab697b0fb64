/** A server that goes on when descriptors run short, says so, and stops when it is told to. */
import { connect, formatEndpoint, listen } from "portolan";

using listener = await listen("tcp://127.0.0.1:0");
const endpoint = formatEndpoint({ transport: "tcp", address: listener.localAddress });
const stop = new AbortController();

async function serve(signal: AbortSignal): Promise<void> {
  const onShortage = (error: Error, pauseMs: number) => console.error(`${error.message}; next try in ${pauseMs} ms`);
  for await (const connection of listener.connections({ onShortage, signal })) {
    using peer = connection;
    await peer.sendAll("hello\n");
  }
}
const serving = serve(stop.signal);

using client = await connect(endpoint);
console.log(String(await client.readExactly(5)));
stop.abort();
await serving.catch((error: Error) => console.log(error.name));

// prints: hello
// prints: AbortError
