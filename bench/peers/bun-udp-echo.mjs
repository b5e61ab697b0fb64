// The UDP echo of Bun's native sockets: one send per datagram, as its documentation shows it.
const socket = await Bun.udpSocket({
  hostname: "127.0.0.1",
  port: Number(process.argv[2] ?? 0),
  socket: {
    data(self, bytes, port, address) {
      self.send(bytes, port, address);
    },
  },
});

console.log(`listening ${socket.port}`);
