/** Independent clients of echo: Node's own sockets. */
import { createSocket } from "node:dgram";
import { connect, type NetConnectOpts, type Socket } from "node:net";

const patienceMs = 30_000;

/** `tcp://127.0.0.1:7007` or `unix:///run/x.sock` as node:net takes it. */
function netOptions(endpoint: string): NetConnectOpts {
  if (endpoint.startsWith("unix://@")) return { path: `\0${endpoint.slice("unix://@".length)}` };
  if (endpoint.startsWith("unix://")) return { path: endpoint.slice("unix://".length) };
  return { host: "127.0.0.1", port: portOf(endpoint) };
}

function portOf(endpoint: string): number {
  return Number(/:(\d+)$/.exec(endpoint)?.[1]);
}

/** What comes back for some text, until the server has closed. */
export async function echoOfStream(endpoint: string, text: string): Promise<string> {
  const socket = connect(netOptions(endpoint));
  socket.setTimeout(patienceMs, () => socket.destroy(new Error(`no answer from ${endpoint}`)));
  socket.setEncoding("utf8").end(text);
  let answer = "";
  for await (const chunk of socket) answer += chunk;
  return answer;
}

/** What comes back for a datagram. */
export function echoOfDatagram(endpoint: string, text: string): Promise<string> {
  const socket = createSocket("udp4");
  return new Promise<string>((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`no answer from ${endpoint}`)), patienceMs);
    const settle = (): void => {
      clearTimeout(timer);
      socket.close();
    };
    socket.once("error", (error) => {
      settle();
      reject(error);
    });
    socket.once("message", (message) => {
      settle();
      resolve(message.toString());
    });
    socket.send(text, portOf(endpoint), "127.0.0.1");
  });
}

/** A connection that has had one answer and stays open. */
export async function openConnection(endpoint: string): Promise<Socket> {
  const socket = connect(netOptions(endpoint));
  await new Promise<void>((resolve, reject) => {
    socket.once("error", reject);
    socket.once("data", () => {
      socket.off("error", reject);
      // How the server ends it is for the test to look at.
      socket.on("error", () => {});
      resolve();
    });
    socket.write("x");
  });
  return socket;
}
