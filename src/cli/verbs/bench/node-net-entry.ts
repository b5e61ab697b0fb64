/** Echo by `node:net`, in a process of its own, as `portolan bench designs` measures it. */
import { createServer } from "node:net";

const BACKLOG = 4096;

const server = createServer({ noDelay: true }, (socket) => {
  socket.on("data", (bytes) => {
    if (!socket.write(bytes)) socket.pause();
  });
  socket.on("drain", () => socket.resume());
  socket.on("error", () => socket.destroy());
});
server.listen({ port: 0, host: "127.0.0.1", backlog: BACKLOG }, () => {
  const address = server.address();
  if (typeof address === "object" && address !== null) process.stdout.write(`listening ${address.port}\n`);
});
