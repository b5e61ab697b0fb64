/** One process accepts connections and passes each to another, which serves it: the descriptor travels, not the bytes. */
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { connect, listen, Socket, spawnWithSockets } from "portolan";

async function serveWhatIsPassed(): Promise<void> {
  using channel = Socket.from(3);
  for (;;) {
    const { descriptors, bytes } = await channel.receiveDescriptors({ max: 1 });
    const [fd] = descriptors;
    if (fd === undefined) return;
    using connection = Socket.from(fd);
    await connection.sendAll(`served elsewhere: "${bytes}", a ${connection.state} socket\n`);
  }
}

async function acceptAndPassOn(): Promise<void> {
  const [ours, theirs] = Socket.pair();
  using channel = ours;
  const self = [...process.execArgv, fileURLToPath(import.meta.url), "worker"];
  const child = spawnWithSockets(process.execPath, self, { sockets: [theirs] });
  const ended = once(child, "exit");
  theirs.close();

  using listener = await listen("tcp://127.0.0.1:0");
  const { port } = listener.localAddress as { port: number };
  using client = await connect(`tcp://127.0.0.1:${port}`);
  const connection = await listener.accept();
  await channel.sendDescriptors([connection], "first guest");
  connection.close();

  console.log(String(await client.readUntil("\n")).trimEnd());
  channel.close();
  await ended;
}

if (process.argv[2] === "worker") await serveWhatIsPassed();
else await acceptAndPassOn();

// prints: served elsewhere: "first guest", a connected socket
