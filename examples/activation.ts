/** A manager listens and starts the server with the listener: LISTEN_FDS, in both roles. */
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { activatedSockets, connect, listen, spawnActivated } from "portolan";

async function serve(): Promise<void> {
  const [activated] = activatedSockets();
  // Started by hand, the server listens for itself.
  using listener = activated?.socket ?? (await listen("tcp://127.0.0.1:0"));
  console.log(`activated as ${activated?.name}, ${listener.state}`);
  using connection = await listener.accept();
  await connection.sendAll("hello\n");
}

async function manage(): Promise<void> {
  using listener = await listen("tcp://127.0.0.1:0");
  const { port } = listener.localAddress as { port: number };
  // Whoever connects before the server runs waits in the listener's queue.
  using client = await connect(`tcp://127.0.0.1:${port}`);
  const self = [...process.execArgv, fileURLToPath(import.meta.url), "server"];
  const child = spawnActivated(process.execPath, self, [listener], { names: ["greeting"] });
  const ended = once(child, "exit");
  console.log(`the server says ${String(await client.readUntil("\n")).trimEnd()}`);
  await ended;
}

if (process.argv[2] === "server") await serve();
else await manage();

// prints: activated as greeting, listening
// prints: the server says hello
