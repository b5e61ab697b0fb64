/** A process for each client: C forks, here a program is started with the connection as its input and output. */
import { once } from "node:events";
import { connect, formatEndpoint, listen, spawnWithSockets } from "portolan";

using listener = await listen("tcp://127.0.0.1:0");
const endpoint = formatEndpoint({ transport: "tcp", address: listener.localAddress });
const clients = ["first", "second"];

async function serve(): Promise<void> {
  const children: Promise<number>[] = [];
  for await (const connection of listener) {
    const child = spawnWithSockets("cat", [], { stdio: [connection, connection, "inherit"] });
    // Like a forking parent's close: kept open here, the connection would not end with the child.
    connection.close();
    // Node waits for its children by itself: no zombies, and no handler of SIGCHLD.
    children.push(once(child, "exit").then(([status]) => status));
    if (children.length === clients.length) break;
  }
  console.log("the children ended with", await Promise.all(children));
}
const serving = serve();

for (const name of clients) {
  using client = await connect(endpoint);
  await client.sendAll(`the ${name}\n`);
  client.shutdown("write");
  console.log(String(await client.readUntil("\n")).trimEnd(), "was served");
}
await serving;

// prints: the first was served
// prints: the second was served
// prints: the children ended with [ 0, 0 ]
