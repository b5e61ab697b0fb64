/** TCP is a stream of bytes: what was sent at once may come in parts, and what was sent in parts at once. */
import { IncompleteReadError, Socket } from "portolan";

const [client, server] = Socket.pair("stream");
using _client = client;
using _server = server;

// send may take a part only; sendAll goes on until everything has left.
await client.sendAll("four");
await client.sendAll("and the rest\r\nof a line");

console.log("exactly four:", String(await server.readExactly(4)));
console.log("up to the end of the line:", JSON.stringify(String(await server.readUntil("\r\n"))));

client.shutdown("write");
try {
  await server.readUntil("\r\n", { maxBytes: 1024 });
} catch (error) {
  if (!(error instanceof IncompleteReadError)) throw error;
  console.log(`${error.message}; so far: ${error.partial}`);
}
console.log("then, at the end:", await server.readExactly(4));

// prints: exactly four: four
// prints: up to the end of the line: "and the rest\r\n"
// prints: the stream ended before the delimiter; so far: of a line
// prints: then, at the end: undefined
