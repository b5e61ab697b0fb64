/** Echo over real sockets: by the package's own, by a server under several designs, and by the face of node:net. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, formatEndpoint, listen, Socket } from "portolan";
import { createServer, connect as netConnect } from "portolan/net";
import { createReactor, NodeLoop } from "portolan/reactor";
import { serve } from "portolan/server";

const limits = { timeoutMs: 10_000 };
const said = "echoed, whatever the Node";
let names = 0;

/** Abstract names leave no file behind. */
function name() {
  return `unix://@portolan-smoke-${process.pid}-${performance.timeOrigin}-${names++}`;
}

/** Answers one stream to its end. */
async function answerStream(listener) {
  const peer = await listener.accept(limits);
  try {
    for (let bytes = await peer.recv(1024, limits); bytes.length > 0; bytes = await peer.recv(1024, limits)) {
      await peer.sendAll(bytes, limits);
    }
  } finally {
    peer.close();
  }
}

async function askStream(endpoint) {
  const client = await connect(endpoint, limits);
  try {
    await client.sendAll(said, limits);
    client.shutdown("write");
    assert.equal(String(await client.readExactly(said.length, limits)), said);
    assert.equal((await client.recv(1, limits)).length, 0, "the end is there");
  } finally {
    client.close();
  }
}

/** Asked again if the answer does not come: a datagram may be lost. */
async function askDatagram(endpoint) {
  const client = await connect(endpoint, limits);
  try {
    for (let attempt = 0; ; attempt++) {
      await client.send(said, limits);
      try {
        assert.equal(String(await client.recv(1024, { timeoutMs: 3_000 })), said);
        return;
      } catch (error) {
        if (error.code !== "ETIMEDOUT" || attempt === 2) throw error;
      }
    }
  } finally {
    client.close();
  }
}

async function streams(transport, endpoint) {
  const listener = await listen(endpoint);
  try {
    const answering = answerStream(listener);
    await askStream(formatEndpoint({ transport, address: listener.localAddress }));
    await answering;
  } finally {
    listener.close();
  }
}

async function datagrams() {
  const server = await listen("udp://127.0.0.1:0");
  try {
    const answering = server.recvFrom(1024, limits).then(({ bytes, address }) => server.sendTo(bytes, address, limits));
    await askDatagram(formatEndpoint({ transport: "udp", address: server.localAddress }));
    await answering;
  } finally {
    server.close();
  }
}

function blocking() {
  const [ours, theirs] = Socket.pair("seqpacket");
  try {
    ours.sendSync(said, limits);
    theirs.sendSync(theirs.recvSync(1024, limits), limits);
    assert.equal(String(ours.recvSync(1024, limits)), said);
  } finally {
    ours.close();
    theirs.close();
  }
}

/** io_uring may be missing or forbidden; the reason is the kernel's. */
function refusal(design) {
  if (design !== "uring") return undefined;
  try {
    createReactor("uring").dispose();
    return undefined;
  } catch (error) {
    return `io_uring is not to be had: ${error.message}`;
  }
}

async function byDesign(design, placement) {
  const reason = refusal(design);
  if (reason !== undefined) return reason;
  const service = { url: import.meta.resolve("portolan/service"), export: "echo", options: null };
  for (const listen of ["tcp://127.0.0.1:0", name()]) {
    const server = await serve(service, { listen, design, placement });
    try {
      await askStream(server.endpoint);
    } finally {
      await server.stop();
    }
  }
  const server = await serve(service, { listen: "udp://127.0.0.1:0", design, placement });
  try {
    await askDatagram(server.endpoint);
  } finally {
    await server.stop();
  }
  return undefined;
}

async function face() {
  const server = createServer((socket) => socket.pipe(socket));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const client = netConnect(server.address().port, "127.0.0.1");
  client.setEncoding("utf8").end(said);
  let answer = "";
  for await (const chunk of client) answer += chunk;
  assert.equal(answer, said);
  server.close();
  await once(server, "close");
}

/** The fast road leans on libuv's inside, so it is seen to be taken on each Node that it was tested with. */
function road() {
  const reactor = createReactor("epoll");
  const loop = new NodeLoop(reactor);
  loop.close();
  reactor.dispose();
  assert.equal(loop.road, "uv_poll");
}

export const checks = [
  { name: "Node's loop watches the reactor by libuv", run: road },
  { name: "TCP by sockets", run: () => streams("tcp", "tcp://127.0.0.1:0") },
  { name: "unix by sockets", run: () => streams("unix", name()) },
  { name: "UDP by sockets", run: datagrams },
  { name: "a pair, blocking", run: blocking },
  ...["iterative", "epoll", "uring"].map((design) => ({
    name: `TCP, unix and UDP by a server: ${design}`,
    run: () => byDesign(design, "thread"),
  })),
  ...["epoll", "uring"].map((design) => ({
    name: `TCP, unix and UDP by a server in Node's loop: ${design}`,
    run: () => byDesign(design, "node"),
  })),
  { name: "TCP by portolan/net", run: face },
];
