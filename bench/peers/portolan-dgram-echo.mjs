// The UDP echo of node-dgram-echo.mjs with another import.
import { createSocket } from "../../dist/compat/dgram.js";

const socket = createSocket("udp4");

socket.on("message", (bytes, peer) => {
  socket.send(bytes, peer.port, peer.address);
});

socket.bind(Number(process.argv[2] ?? 0), "127.0.0.1", () => {
  console.log(`listening ${socket.address().port}`);
});
