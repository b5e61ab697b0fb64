/** Close gives back one descriptor; shutdown ends the connection for everybody who has it. */
import { connect, isSystemError, listen, type Socket } from "portolan";

using listener = await listen("tcp://127.0.0.1:0");
const { port } = listener.localAddress as { port: number };
using client = await connect(`tcp://127.0.0.1:${port}`);

/** What the client sees within a moment. */
async function seenBy(socket: Socket): Promise<string> {
  try {
    return (await socket.recv(100, { timeoutMs: 50 })).length === 0 ? "the end" : "data";
  } catch (error) {
    if (isSystemError(error, "ETIMEDOUT")) return "nothing: the connection lives";
    throw error;
  }
}

const connection = await listener.accept();
using twin = connection.dup();
connection.close();
console.log(`after one close the client sees ${await seenBy(client)}`);
using third = twin.dup();
twin.shutdown("write");
console.log(`after shutdown the client sees ${await seenBy(client)}`);
try {
  await third.send("x");
} catch (error) {
  if (isSystemError(error)) console.log(`the third descriptor gets ${error.code}, though nobody closed it`);
}

// prints: after one close the client sees nothing: the connection lives
// prints: after shutdown the client sees the end
// prints: the third descriptor gets EPIPE, though nobody closed it
