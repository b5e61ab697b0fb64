/** Names to addresses and back: getaddrinfo and its elders. */
import {
  connect,
  getaddrinfo,
  gethostbyname,
  getnameinfo,
  getprotobyname,
  getservbyname,
  if_nametoindex,
  isLookupError,
  listen,
  Socket,
} from "portolan";

using listener = await listen("tcp://127.0.0.1:0");
const { port } = listener.localAddress as { port: number };

// The loop of every client: try one address after the other.
let client: Socket | undefined;
for (const { family, type, protocol, address } of await getaddrinfo("127.0.0.1", port, { type: "stream" })) {
  const socket = new Socket(family, type, protocol);
  try {
    await socket.connect(address);
    client = socket;
    break;
  } catch {
    socket.close();
  }
}
console.log("connected by hand:", client?.state);
client?.close();

// The same, with both families in a race (RFC 8305).
using other = await connect("localhost", port);
console.log("connected by name:", other.state);

console.log(await getnameinfo({ family: "inet", address: "127.0.0.1", port: 80 }, { numericHost: true }));
console.log((await gethostbyname("127.0.0.1")).addresses, (await getservbyname("http", "tcp"))?.port);
console.log(getprotobyname("udp")?.protocol, if_nametoindex("lo"));

try {
  await getaddrinfo("256.0.0.1", "http", { numericHost: true });
} catch (error) {
  if (isLookupError(error)) console.log(error.code);
}

// prints: connected by hand: connected
// prints: connected by name: connected
// prints: { host: '127.0.0.1', service: 'http' }
// prints: [ '127.0.0.1' ] 80
// prints: 17 1
// prints: EAI_NONAME
