// The UDP echo of node:dgram as its documentation shows it. (A lookup function of one's own, which answers numeric addresses
// at once, is worth about 7 % more; hardly any program has one.)
import { createSocket } from "../../dist/compat/dgram.js";

const socket = createSocket("udp4");

socket.on("message", (bytes, peer) => {
  socket.send(bytes, peer.port, peer.address);
});

socket.bind(Number(process.argv[2] ?? 0), "127.0.0.1", () => {
  console.log(`listening ${socket.address().port}`);
});
