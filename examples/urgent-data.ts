/** Urgent data of TCP: one byte that can be received ahead of the others, and the mark where it was. */
import { connect, formatEndpoint, listen } from "portolan";
import { MSG_OOB } from "portolan/abi";

using listener = await listen("tcp://127.0.0.1:0");
using client = await connect(formatEndpoint({ transport: "tcp", address: listener.localAddress }));
using server = await listener.accept();

await client.send("abc");
await client.send("!", { flags: MSG_OOB });
await client.send("def");

await server.ready("priority");
console.log("urgent:", String(await server.recv(1, { flags: MSG_OOB })));
// Receiving stops at the mark.
console.log(server.atMark, String(await server.recv(100)), server.atMark, String(await server.recv(100)));

// prints: urgent: !
// prints: false abc true def
