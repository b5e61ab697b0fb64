/** Unix sockets: names in the file system, abstract names, none at all; and who is at the other end. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect, formatAddress, listen, Socket } from "portolan";

const folder = mkdtempSync(join(tmpdir(), "portolan-example-"));
const path = join(folder, "server.sock");
{
  using listener = await listen(`unix://${path}`);
  using client = await connect(`unix://${path}`);
  using server = await listener.accept();
  console.log(formatAddress(server.localAddress) === path, client.peerCredentials?.pid === process.pid);
}
// The listener has removed its file, and unlike in C nobody has to do so before the next bind.
rmSync(folder, { recursive: true });

using logger = new Socket("unix", "dgram");
logger.bind({ family: "unix", kind: "abstract", name: `logger-${process.pid}` });
using program = new Socket("unix", "dgram");
program.bind({ family: "unix", kind: "unnamed" });
await program.sendTo("a line for the log", logger.localAddress);
const { bytes, address } = await logger.recvFrom(1024);
console.log(`${bytes}, from a name that the kernel chose:`, address?.family === "unix" && address.kind);

const [left, right] = Socket.pair("seqpacket");
using _left = left;
using _right = right;
await left.send("records");
await left.send("keep their edges");
console.log(String(await right.recv(100)), "|", String(await right.recv(100)));

// prints: true true
// prints: a line for the log, from a name that the kernel chose: abstract
// prints: records | keep their edges
