/** A program gets a connection as its standard input and output, as inetd gives it: it need not know of sockets. */
import { once } from "node:events";
import { connect, listen, spawnWithSockets } from "portolan";

using listener = await listen("tcp://127.0.0.1:0");
const { port } = listener.localAddress as { port: number };
using client = await connect(`tcp://127.0.0.1:${port}`);

const connection = await listener.accept();
const child = spawnWithSockets("tr", ["a-z", "A-Z"], { stdio: [connection, connection, "inherit"] });
const ended = once(child, "exit");
// The child has the connection now. Kept open here too, it would never end for the client.
connection.close();

await client.sendAll("hello from the net\n");
client.shutdown("write");
console.log(String(await client.readUntil("\n")).trimEnd());
console.log("bytes after that:", (await client.recv(100)).length);
await ended;

// prints: HELLO FROM THE NET
// prints: bytes after that: 0
