/** Servers of Node's own in this process, which treat whoever comes as a test says, until the end of the block. */
import { createSocket, type RemoteInfo, type Socket as UdpSocket } from "node:dgram";
import { once } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";

/** A server, and where it is. */
export interface NodeServer extends AsyncDisposable {
  readonly endpoint: string;
}

/** A TCP server that does what it is told with each connection. */
export async function tcpServer(serve: (socket: Socket) => void): Promise<NodeServer> {
  const sockets = new Set<Socket>();
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    sockets.add(socket.on("error", () => {}));
    serve(socket);
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    endpoint: `tcp://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async [Symbol.asyncDispose]() {
      server.close();
      for (const socket of sockets) socket.destroy();
      await once(server, "close");
    },
  };
}

/** A UDP server that does what it is told with each datagram. */
export async function udpServer(
  serve: (this: UdpSocket, bytes: Buffer, from: RemoteInfo) => void,
): Promise<NodeServer> {
  const socket = createSocket("udp4").on("message", serve);
  socket.bind(0, "127.0.0.1");
  await once(socket, "listening");
  return {
    endpoint: `udp://127.0.0.1:${socket.address().port}`,
    async [Symbol.asyncDispose]() {
      socket.close();
      await once(socket, "close");
    },
  };
}
