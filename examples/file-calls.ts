/** A file to a socket without a copy, and a socket as a stream of Node's. */
import { open } from "node:fs/promises";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { Socket, toDuplex } from "portolan";

const [ours, theirs] = Socket.pair("stream");
await using file = await open(fileURLToPath(import.meta.url));
const { size } = await file.stat();

const sending = ours.sendFile(file).then((sent) => {
  ours.close();
  return sent;
});

// As fdopen(3) is for C: what reads Node's streams reads sockets.
let lines = 0;
for await (const _line of createInterface(toDuplex(theirs))) lines++;
console.log((await sending) === size, lines > 20);

// prints: true true
