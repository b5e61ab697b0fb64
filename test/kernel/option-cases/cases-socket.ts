/** Level SOL_SOCKET: what a socket is and does by itself. */
import assert from "node:assert/strict";
import { Socket } from "portolan";
import {
  AF_INET6,
  BPF_ABS,
  BPF_K,
  BPF_LD,
  BPF_RET,
  BPF_W,
  CLOCK_MONOTONIC,
  IPPROTO_TCP,
  SCM_TIMESTAMPING,
  SCM_TIMESTAMPNS,
  SO_DOMAIN,
  SO_MARK,
  SO_PRIORITY,
  SO_RXQ_OVFL,
  SO_TIMESTAMP,
  SO_TIMESTAMP_NEW,
  SO_TIMESTAMPING_NEW,
  SO_TIMESTAMPNS_NEW,
  SOCK_RCVBUF_LOCK,
  SOCK_SNDBUF_LOCK,
  SOCK_STREAM,
  SOF_TIMESTAMPING_RX_SOFTWARE,
  SOF_TIMESTAMPING_SOFTWARE,
  SOF_TXTIME_REPORT_ERRORS,
  SOL_SOCKET,
} from "portolan/abi";
import {
  type CaseTable,
  codeOf,
  compared,
  controlOf,
  datagramPacket,
  datagramPair,
  effect,
  get,
  isProtocol,
  LOOPBACK_INDEX,
  loopback,
  needing,
  onAndOff,
  payloadOf,
  portOf,
  type Received,
  readBack,
  receive,
  set,
  setAndGet,
  setAndRead,
  streamPair,
  tells,
  until,
  wire,
} from "./kit.ts";
import { loadSocketFilter, pythonOption } from "./python.ts";

const ACCEPT_ALL = [{ code: BPF_RET | BPF_K, jt: 0, jf: 0, k: 0xffff }];
const DROP_ALL = [{ code: BPF_RET | BPF_K, jt: 0, jf: 0, k: 0 }];
/** Loads a word and keeps all: two instructions, so that a count of bytes would show. */
const KEEP_LONG = [
  { code: BPF_LD | BPF_W | BPF_ABS, jt: 0, jf: 0, k: 0 },
  { code: BPF_RET | BPF_K, jt: 0, jf: 0, k: 40 },
];

/** The time that a control message tells is the present, give or take a minute. */
function isNow(seconds: bigint): void {
  const now = BigInt(Math.floor(Date.now() / 1000));
  assert.ok(seconds > now - 60n && seconds < now + 60n, `${seconds} is not now`);
}

function timestamps(type: number): ReturnType<typeof tells> {
  return tells("udp", SOL_SOCKET, type, (data) => isNow(data.readBigInt64LE(0)));
}

const RX_SOFTWARE = { flags: SOF_TIMESTAMPING_RX_SOFTWARE | SOF_TIMESTAMPING_SOFTWARE, phcIndex: 0 };

function timestampingCase(type: number): ReturnType<typeof effect> {
  return effect((name) => {
    const [sender, receiver] = datagramPair();
    using _sender = sender;
    using _receiver = receiver;
    set(receiver, name, { flags: RX_SOFTWARE.flags });
    assert.deepEqual(get(receiver, name), RX_SOFTWARE);
    // The kernel begins to take the time a little after it was asked to.
    let received: Received | undefined;
    until(() => {
      sender.sendSync("now");
      received = receive(receiver);
      return received.control.length > 0;
    }, "a time with the message");
    isNow(controlOf(received as Received, SOL_SOCKET, type).readBigInt64LE(0));
    set(receiver, name, { flags: 0, phcIndex: 0 });
    assert.deepEqual(get(receiver, name), { flags: 0, phcIndex: 0 });
  });
}

/** A second listener at the address of the first. */
function sharing(name: string): void {
  using first = new Socket("inet", "stream");
  using second = new Socket("inet", "stream");
  set(first, name, true);
  assert.equal(get(first, name), true);
  first.bind(loopback(first));
  assert.equal(
    codeOf(() => second.bind(loopback(second, portOf(first)))),
    "EADDRINUSE",
  );
  set(second, name, true);
  second.bind(loopback(second, portOf(first)));
}

/** Two sockets of one port and a program that always chooses the second. */
function chooseSecond(attach: (first: Socket) => void): void {
  const sockets = [new Socket("inet", "dgram"), new Socket("inet", "dgram")] as const;
  using first = sockets[0];
  using second = sockets[1];
  using sender = new Socket("inet", "dgram");
  for (const socket of sockets) socket.reusePort = true;
  attach(first);
  first.bind(loopback(first));
  second.bind(loopback(second, portOf(first)));
  for (let i = 0; i < 8; i++) sender.sendToSync(String(i), loopback(sender, portOf(first)));
  for (let i = 0; i < 8; i++) assert.equal(String(second.recvSync(8, { timeoutMs: 30_000 })), String(i));
  assert.equal(first.tryRecv(Buffer.alloc(8)), undefined);
}

const CHOOSE_SECOND = [{ code: BPF_RET | BPF_K, jt: 0, jf: 0, k: 1 }];

/** A receive buffer's limit, which only the forced form goes beyond. */
const BEYOND_LIMIT_BYTES = 64 << 20;

export const cases: CaseTable = {
  SO_ACCEPTCONN: effect((name) => {
    using socket = new Socket("inet", "stream");
    assert.equal(get(socket, name), false);
    socket.bind(loopback(socket));
    socket.listen();
    assert.equal(get(socket, name), true);
  }),
  SO_ATTACH_BPF: effect(async (name) => {
    const [sender, receiver] = datagramPair();
    using _sender = sender;
    using _receiver = receiver;
    await loadSocketFilter(0, (program) => set(receiver, name, program));
    sender.sendSync("dropped");
    receiver.setOption("SO_DETACH_BPF", true);
    sender.sendSync("kept");
    assert.equal(String(receive(receiver).bytes), "kept");
  }),
  SO_ATTACH_FILTER: effect((name) => {
    const [sender, receiver] = datagramPair();
    using _sender = sender;
    using _receiver = receiver;
    set(receiver, name, DROP_ALL);
    sender.sendSync("dropped");
    // As bytes: return 0xffff.
    set(receiver, name, Buffer.from([6, 0, 0, 0, 0xff, 0xff, 0, 0]));
    sender.sendSync("kept");
    assert.equal(String(receive(receiver).bytes), "kept");
  }),
  SO_ATTACH_REUSEPORT_CBPF: effect((name) => chooseSecond((first) => set(first, name, CHOOSE_SECOND))),
  SO_ATTACH_REUSEPORT_EBPF: effect(async (name) => {
    await loadSocketFilter(1, (program) => chooseSecond((first) => set(first, name, program)));
  }),
  SO_BINDTODEVICE: effect((name) => {
    using socket = new Socket("inet", "dgram");
    assert.equal(get(socket, name), "");
    set(socket, name, "lo");
    assert.equal(get(socket, name), "lo");
    assert.equal(get(socket, "SO_BINDTOIFINDEX"), LOOPBACK_INDEX);
    assert.equal(
      codeOf(() => set(socket, name, "nonesuch")),
      "ENODEV",
    );
    set(socket, name, "");
    assert.equal(get(socket, name), "");
  }),
  SO_BINDTOIFINDEX: effect((name) => {
    using socket = new Socket("inet", "dgram");
    set(socket, name, LOOPBACK_INDEX);
    assert.equal(get(socket, name), LOOPBACK_INDEX);
    assert.equal(get(socket, "SO_BINDTODEVICE"), "lo");
    set(socket, name, 0);
    assert.equal(get(socket, name), 0);
  }),
  SO_BPF_EXTENSIONS: compared((name) => {
    using socket = new Socket("inet", "dgram");
    const count = get(socket, name) as number;
    assert.ok(count >= 48, `${count} extensions`);
    assert.equal(count, pythonOption(socket, name));
  }),
  SO_BROADCAST: effect((name) => {
    using socket = new Socket("inet", "dgram");
    const address = { family: "inet", address: "127.255.255.255", port: 9 } as const;
    assert.equal(
      codeOf(() => socket.connectSync(address)),
      "EACCES",
    );
    set(socket, name, true);
    assert.equal(get(socket, name), true);
    socket.connectSync(address);
  }),
  SO_BSDCOMPAT: setAndGet("udp", true, false),
  SO_BUF_LOCK: setAndRead("tcp", SOCK_SNDBUF_LOCK, SOCK_RCVBUF_LOCK, SOCK_SNDBUF_LOCK | SOCK_RCVBUF_LOCK, 0),
  SO_BUSY_POLL: setAndRead("udp", 50, 0),
  SO_BUSY_POLL_BUDGET: effect((name) => {
    using socket = new Socket("inet", "dgram");
    set(socket, name, 8);
    assert.equal(
      codeOf(() => set(socket, name, 0x10000)),
      "EINVAL",
    );
  }),
  SO_CNX_ADVICE: effect((name) => {
    using socket = new Socket("inet", "dgram");
    socket.connectSync(loopback(socket, 9));
    set(socket, name, 1);
  }),
  SO_COOKIE: compared((name) => {
    using socket = new Socket("inet", "dgram");
    using other = new Socket("inet", "dgram");
    const cookie = get(socket, name) as bigint;
    assert.notEqual(cookie, get(other, name));
    assert.equal(cookie, pythonOption(socket, name, 8));
  }),
  SO_DEBUG: onAndOff("tcp"),
  SO_DETACH_BPF: detaching(),
  SO_DETACH_FILTER: detaching(),
  SO_DETACH_REUSEPORT_BPF: effect((name) => {
    using socket = new Socket("inet", "dgram");
    socket.reusePort = true;
    assert.equal(
      codeOf(() => set(socket, name, true)),
      "ENOENT",
    );
    socket.setOption("SO_ATTACH_REUSEPORT_CBPF", CHOOSE_SECOND);
    set(socket, name, true);
    assert.equal(
      codeOf(() => set(socket, name, true)),
      "ENOENT",
    );
  }),
  SO_DEVMEM_DONTNEED: effect((name) => {
    const [client, server] = streamPair();
    using _client = client;
    using _server = server;
    // Nothing was handed out, so that giving back does nothing; that the kernel knows the option shows in what it
    // says to another kind of socket.
    needing("no device memory", ["ENOPROTOOPT"], () => set(client, name, [{ start: 0, count: 1 }]));
    using udp = new Socket("inet", "dgram");
    assert.equal(
      codeOf(() => set(udp, name, [{ start: 0, count: 1 }])),
      "EBADF",
    );
  }),
  SO_DOMAIN: compared((name) => {
    using socket = new Socket("inet6", "dgram");
    assert.equal(get(socket, name), AF_INET6);
    assert.equal(socket.getRawOption(SOL_SOCKET, SO_DOMAIN, 4)[0], AF_INET6);
  }),
  SO_DONTROUTE: onAndOff("udp"),
  SO_ERROR: effect((name) => {
    using closed = new Socket("inet", "dgram");
    closed.bind(loopback(closed));
    const port = portOf(closed);
    closed.close();
    using socket = new Socket("inet", "dgram");
    assert.equal(get(socket, name), 0);
    socket.connectSync(loopback(socket, port));
    socket.sendSync("nobody");
    until(() => get(socket, name) === 111, "ECONNREFUSED in SO_ERROR");
    assert.equal(get(socket, name), 0);
  }),
  SO_GET_FILTER: readBack((name) => {
    using socket = new Socket("inet", "dgram");
    assert.deepEqual(get(socket, name), []);
    socket.setOption("SO_ATTACH_FILTER", KEEP_LONG);
    assert.deepEqual(get(socket, name), KEEP_LONG);
  }),
  SO_INCOMING_CPU: readBack((name) => {
    using socket = new Socket("inet", "dgram");
    set(socket, name, 0);
    assert.equal(get(socket, name), 0);
  }),
  SO_INCOMING_NAPI_ID: compared((name) => {
    const [client, server] = streamPair();
    using _client = client;
    using _server = server;
    // The loopback has no NAPI.
    assert.equal(get(server, name), 0);
    assert.equal(pythonOption(server, name), 0);
  }),
  SO_KEEPALIVE: onAndOff("tcp"),
  SO_LINGER: effect((name) => {
    const [client, server] = streamPair();
    using _client = client;
    using _server = server;
    assert.deepEqual(get(client, name), { enabled: false, seconds: 0 });
    set(client, name, { enabled: true, seconds: 7 });
    assert.deepEqual(get(client, name), { enabled: true, seconds: 7 });
    set(client, name, { enabled: true, seconds: 0 });
    client.close();
    assert.equal(
      codeOf(() => server.recvSync(8, { timeoutMs: 30_000 })),
      "ECONNRESET",
    );
  }),
  SO_LOCK_FILTER: effect((name) => {
    using socket = new Socket("inet", "dgram");
    socket.setOption("SO_ATTACH_FILTER", ACCEPT_ALL);
    set(socket, name, true);
    assert.equal(get(socket, name), true);
    assert.equal(
      codeOf(() => set(socket, name, false)),
      "EPERM",
    );
    assert.equal(
      codeOf(() => socket.setOption("SO_DETACH_FILTER", true)),
      "EPERM",
    );
  }),
  SO_MARK: setAndRead("udp", 0xdeadbeef, 0),
  SO_MAX_PACING_RATE: setAndRead("tcp", 1_000_000n, 5_000_000_000n),
  SO_MEMINFO: compared((name) => {
    using socket = new Socket("inet", "dgram");
    const memory = get(socket, name) as { rcvbuf: number; sndbuf: number; drops: number };
    assert.equal(memory.rcvbuf, get(socket, "SO_RCVBUF"));
    assert.equal(memory.sndbuf, get(socket, "SO_SNDBUF"));
    assert.equal(memory.drops, 0);
  }),
  SO_NETNS_COOKIE: compared((name) => {
    using socket = new Socket("inet", "dgram");
    using other = new Socket("inet6", "stream");
    const cookie = get(socket, name) as bigint;
    assert.ok(cookie > 0n);
    assert.equal(cookie, get(other, name));
    assert.equal(cookie, pythonOption(socket, name, 8));
  }),
  SO_NOFCS: onAndOff("udp"),
  SO_NO_CHECK: wire((name) => {
    const checksum = (on: boolean): number => {
      const packet = datagramPacket("udp", (sender) => {
        set(sender, name, on);
        assert.equal(get(sender, name), on);
      });
      assert.ok(isProtocol(packet, 17));
      return payloadOf(packet).readUInt16BE(6);
    };
    assert.equal(checksum(true), 0);
    assert.notEqual(checksum(false), 0);
  }),
  SO_OOBINLINE: effect((name) => {
    const [client, server] = streamPair();
    using _client = client;
    using _server = server;
    set(server, name, true);
    assert.equal(get(server, name), true);
    client.sendSync("urgent!", { flags: 1 });
    assert.equal(String(server.recvSync(16, { timeoutMs: 30_000 })), "urgent");
    assert.equal(String(server.recvSync(16, { timeoutMs: 30_000 })), "!");
  }),
  SO_PREFER_BUSY_POLL: onAndOff("udp"),
  SO_PRIORITY: setAndRead("udp", 6, 0),
  SO_PROTOCOL: compared((name) => {
    using socket = new Socket("inet", "stream");
    assert.equal(get(socket, name), IPPROTO_TCP);
  }),
  SO_RCVBUF: effect((name) => {
    const [sender, receiver] = datagramPair();
    using _sender = sender;
    using _receiver = receiver;
    set(receiver, name, 5000);
    assert.equal(get(receiver, name), 10_000);
    for (let i = 0; i < 200; i++) sender.sendSync(Buffer.alloc(1000));
    let received = 0;
    while (receiver.tryRecv(Buffer.alloc(2000)) !== undefined) received++;
    assert.ok(received > 0 && received < 20, `${received} of 200 datagrams`);
  }),
  SO_RCVBUFFORCE: effect((name) => {
    using socket = new Socket("inet", "dgram");
    set(socket, "SO_RCVBUF", BEYOND_LIMIT_BYTES);
    const limit = get(socket, "SO_RCVBUF") as number;
    assert.ok(limit < 2 * BEYOND_LIMIT_BYTES);
    set(socket, name, BEYOND_LIMIT_BYTES);
    assert.equal(get(socket, "SO_RCVBUF"), 2 * BEYOND_LIMIT_BYTES);
  }),
  SO_RCVLOWAT: effect((name) => {
    const [client, server] = streamPair();
    using _client = client;
    using _server = server;
    assert.equal(get(server, name), 1);
    set(server, name, 5);
    assert.equal(get(server, name), 5);
    client.sendSync("1234");
    assert.equal(
      codeOf(() => server.readySync("readable", { timeoutMs: 50 })),
      "ETIMEDOUT",
    );
    client.sendSync("5");
    server.readySync("readable", { timeoutMs: 30_000 });
  }),
  SO_RCVMARK: tellsPacket("SO_MARK", SO_MARK, 77),
  SO_RCVPRIORITY: tellsPacket("SO_PRIORITY", SO_PRIORITY, 5),
  SO_RCVTIMEO: timeOuts(),
  SO_RCVTIMEO_NEW: timeOuts(),
  SO_RESERVE_MEM: readBack((name) => {
    using socket = new Socket("inet", "stream");
    needing("not in a memory control group", ["EOPNOTSUPP"], () => set(socket, name, 65_536));
    assert.equal(get(socket, name), 65_536);
  }),
  SO_REUSEADDR: effect(sharing),
  SO_REUSEPORT: effect(sharing),
  SO_RXQ_OVFL: effect((name) => {
    const [sender, receiver] = datagramPair();
    using _sender = sender;
    using _receiver = receiver;
    set(receiver, name, true);
    assert.equal(get(receiver, name), true);
    set(receiver, "SO_RCVBUF", 5000);
    for (let i = 0; i < 100; i++) sender.sendSync(Buffer.alloc(1000));
    while (receiver.tryRecv(Buffer.alloc(2000)) !== undefined);
    sender.sendSync("after");
    assert.ok(controlOf(receive(receiver), SOL_SOCKET, SO_RXQ_OVFL).readUInt32LE(0) > 50);
  }),
  SO_SELECT_ERR_QUEUE: onAndOff("udp"),
  SO_SNDBUF: setAndGet("udp", 10_000, 20_000),
  SO_SNDBUFFORCE: effect((name) => {
    using socket = new Socket("inet", "dgram");
    set(socket, "SO_SNDBUF", BEYOND_LIMIT_BYTES);
    assert.ok((get(socket, "SO_SNDBUF") as number) < 2 * BEYOND_LIMIT_BYTES);
    set(socket, name, BEYOND_LIMIT_BYTES);
    assert.equal(get(socket, "SO_SNDBUF"), 2 * BEYOND_LIMIT_BYTES);
  }),
  SO_SNDLOWAT: compared((name) => {
    using socket = new Socket("inet", "dgram");
    assert.equal(get(socket, name), 1);
    assert.equal(pythonOption(socket, name), 1);
  }),
  SO_SNDTIMEO: timeOuts(),
  SO_SNDTIMEO_NEW: timeOuts(),
  SO_TIMESTAMP: timestamps(SO_TIMESTAMP),
  SO_TIMESTAMPING: timestampingCase(SCM_TIMESTAMPING),
  SO_TIMESTAMPING_NEW: timestampingCase(SO_TIMESTAMPING_NEW),
  SO_TIMESTAMPNS: timestamps(SCM_TIMESTAMPNS),
  SO_TIMESTAMPNS_NEW: timestamps(SO_TIMESTAMPNS_NEW),
  SO_TIMESTAMP_NEW: timestamps(SO_TIMESTAMP_NEW),
  SO_TXREHASH: setAndRead("tcp", 0, 1),
  SO_TXTIME: setAndRead("udp", { clock: CLOCK_MONOTONIC, flags: SOF_TXTIME_REPORT_ERRORS }),
  SO_TYPE: compared((name) => {
    using socket = new Socket("inet", "stream");
    assert.equal(get(socket, name), SOCK_STREAM);
  }),
  SO_WIFI_STATUS: onAndOff("udp"),
  SO_ZEROCOPY: onAndOff("tcp"),
};

function detaching(): ReturnType<typeof effect> {
  return effect((name) => {
    const [sender, receiver] = datagramPair();
    using _sender = sender;
    using _receiver = receiver;
    assert.equal(
      codeOf(() => set(receiver, name, true)),
      "ENOENT",
    );
    set(receiver, "SO_ATTACH_FILTER", DROP_ALL);
    sender.sendSync("dropped");
    set(receiver, name, true);
    sender.sendSync("kept");
    assert.equal(String(receive(receiver).bytes), "kept");
  });
}

/** The sender gives its packets a property, of which the receiver is told. */
function tellsPacket(property: string, type: number, value: number): ReturnType<typeof tells> {
  return tells(
    "udp",
    SOL_SOCKET,
    type,
    (data) => assert.equal(data.readUInt32LE(0), value),
    (sender) => set(sender, property, value),
  );
}

/** The kernel counts in ticks, of 1 to 10 milliseconds. */
function timeOuts(): ReturnType<typeof readBack> {
  return readBack((name) => {
    using socket = new Socket("inet", "stream");
    assert.equal(get(socket, name), 0);
    set(socket, name, 90_061_000);
    assert.equal(get(socket, name), 90_061_000);
    set(socket, name, 1234.5);
    const back = get(socket, name) as number;
    assert.ok(back >= 1234 && back <= 1245, `${back} ms`);
    set(socket, name, 0);
    assert.equal(get(socket, name), 0);
  });
}
