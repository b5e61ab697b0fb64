// The TCP echo of Bun's native sockets. What write() does not take is kept, and reading stops until it has gone.

function flush(socket) {
  const rest = socket.data.rest;
  const sent = socket.write(rest);
  if (sent < rest.length) {
    socket.data.rest = rest.subarray(Math.max(sent, 0));
    return;
  }
  socket.data.rest = null;
  socket.resume();
}

const server = Bun.listen({
  hostname: "127.0.0.1",
  port: Number(process.argv[2] ?? 0),
  socket: {
    open(socket) {
      socket.data = { rest: null };
      socket.setNoDelay(true);
    },
    data(socket, bytes) {
      const state = socket.data;
      if (state.rest !== null) {
        // Data that was already on its way when the reading was stopped.
        state.rest = Buffer.concat([state.rest, bytes]);
        return;
      }
      const sent = socket.write(bytes);
      if (sent === bytes.length) return;
      state.rest = Buffer.from(bytes.subarray(Math.max(sent, 0)));
      socket.pause();
    },
    drain(socket) {
      if (socket.data.rest !== null) flush(socket);
    },
    error(socket) {
      socket.terminate();
    },
  },
});

console.log(`listening ${server.port}`);
