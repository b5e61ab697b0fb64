// Takes the place of the project's command in the smoke test of the bench: it announces itself as that does, and echoes.
import { createSocket } from "node:dgram";
import { createServer } from "node:net";

const announce = (transport, port) =>
  console.log(JSON.stringify({ event: "listening", endpoint: `${transport}://127.0.0.1:${port}` }));
const listen = process.argv[process.argv.indexOf("--listen") + 1];

if (listen.startsWith("udp:")) {
  const socket = createSocket("udp4");
  socket.on("message", (bytes, peer) => socket.send(bytes, peer.port, peer.address));
  socket.bind(0, "127.0.0.1", () => announce("udp", socket.address().port));
} else {
  const server = createServer((socket) => socket.on("error", () => {}).pipe(socket));
  server.listen(0, "127.0.0.1", () => announce("tcp", server.address().port));
}
