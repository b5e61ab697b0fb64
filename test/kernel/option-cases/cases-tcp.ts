/** Level SOL_TCP, except for what repairs connections. */
import assert from "node:assert/strict";
import { isSystemError, Socket } from "portolan";
import {
  AF_INET,
  IPPROTO_MPTCP,
  IPPROTO_TCP,
  MAP_SHARED,
  PROT_READ,
  SOL_TCP,
  TCP_ESTABLISHED,
  TCP_INFO_STRUCT,
  TCP_INQ,
  TCP_LISTEN,
} from "portolan/abi";
import { mmap, munmap } from "portolan/sys";
import {
  type CaseTable,
  codeOf,
  compared,
  controlOf,
  effect,
  get,
  isProtocol,
  loopback,
  needing,
  onAndOff,
  payloadOf,
  portOf,
  readBack,
  receive,
  set,
  setAndGet,
  setAndRead,
  sniff,
  streamPair,
  until,
  wire,
} from "./kit.ts";
import { sysctl } from "./network.ts";
import { pythonBytes } from "./python.ts";

const PAGE_BYTES = 4096;
const KEY = Uint8Array.from({ length: 16 }, (_, i) => i + 1);

/** The kinds and values of a TCP header's options. RFC 9293 section 3.1 */
function tcpOptions(packet: Buffer): Map<number, Buffer> {
  const segment = payloadOf(packet);
  const end = ((segment[12] as number) >> 4) * 4;
  const found = new Map<number, Buffer>();
  for (let at = 20; at < end; ) {
    const kind = segment[at] as number;
    if (kind === 0) break;
    const length = kind === 1 ? 1 : (segment[at + 1] as number);
    found.set(kind, segment.subarray(at + 2, at + length));
    at += length;
  }
  return found;
}

function flagsOf(packet: Buffer): number {
  return payloadOf(packet)[13] as number;
}

const SYN = 2;
const FIN = 1;
const OPTION_SEGMENT_SIZE = 2;
const OPTION_MD5 = 19;
const OPTION_FASTOPEN = 34;

/** The SYN with which a client connects to a listener. */
function synOf(client: Socket, listener: Socket): Buffer {
  listener.bind(loopback(listener));
  listener.listen();
  return sniff(
    () => client.connectSync(loopback(client, portOf(listener)), { timeoutMs: 30_000 }),
    (packet) => isProtocol(packet, IPPROTO_TCP) && flagsOf(packet) === SYN,
  );
}

/** Both ends of a connection, and the listener's end closed with them. */
function withPair(run: (client: Socket, server: Socket) => void): void {
  const [client, server] = streamPair();
  using _client = client;
  using _server = server;
  run(client, server);
}

/** A kernel built without TCP-AO does not know its options. */
function authentication(access: (name: string, socket: Socket) => void): ReturnType<typeof effect> {
  return effect((name) => {
    using socket = new Socket("inet", "stream");
    needing("built without TCP_AO", ["ENOPROTOOPT"], () => access(name, socket));
  });
}

/** struct tcp_ao_add of linux/tcp.h, for a peer on the loopback. RFC 5925 */
function aoKey(): Buffer {
  const key = Buffer.alloc(288);
  key.writeUInt16LE(AF_INET, 0);
  key.set([127, 0, 0, 1], 4);
  key.write("hmac(sha1)", 128);
  // prefix, sndid, rcvid, maclen, keyflags, keylen, and the key.
  key.set([32, 100, 100, 0, 0, 4], 202);
  key.write("salt", 208);
  return key;
}

/** struct tcp_ao_del of the same key. */
function aoKeyToDelete(): Buffer {
  const key = Buffer.alloc(144);
  key.writeUInt16LE(AF_INET, 0);
  key.set([127, 0, 0, 1], 4);
  key.set([32, 100, 100], 138);
  return key;
}

/** A kernel that knows the option says what is wrong with a question about nothing. */
function askAbout(name: string, socket: Socket): void {
  try {
    get(socket, name);
  } catch (error) {
    if (!isSystemError(error) || !/^(EINVAL|ENOENT|EPERM)$/.test(error.code)) throw error;
  }
}

/** A key between a client and a listener: with the same one they connect, with another they do not. */
function signature(name: string, extra: object): void {
  const connects = (clientKey: string, serverKey: string): Buffer => {
    using listener = new Socket("inet", "stream");
    using client = new Socket("inet", "stream");
    set(client, name, { address: "127.0.0.1", key: clientKey, ...extra });
    set(listener, name, { address: "127.0.0.1", key: serverKey, ...extra });
    listener.bind(loopback(listener));
    listener.listen();
    return sniff(
      () => client.connectSync(loopback(client, portOf(listener)), { timeoutMs: clientKey === serverKey ? 3000 : 100 }),
      (packet) => isProtocol(packet, IPPROTO_TCP) && flagsOf(packet) === SYN,
    );
  };
  assert.equal(tcpOptions(connects("secret", "secret")).get(OPTION_MD5)?.length, 16);
  assert.equal(
    codeOf(() => connects("secret", "another")),
    "ETIMEDOUT",
  );
}

/** One number of TCP_INFO in Python's copy of it. */
function infoWord(bytes: Buffer, field: keyof typeof TCP_INFO_STRUCT): number {
  return bytes.readUInt32LE(TCP_INFO_STRUCT[field]);
}

export const cases: CaseTable = {
  TCP_AO_ADD_KEY: authentication((name, socket) => set(socket, name, aoKey())),
  TCP_AO_DEL_KEY: authentication((name, socket) => {
    set(socket, "TCP_AO_ADD_KEY", aoKey());
    set(socket, name, aoKeyToDelete());
  }),
  TCP_AO_GET_KEYS: authentication(askAbout),
  TCP_AO_INFO: authentication(askAbout),
  TCP_AO_REPAIR: authentication(askAbout),
  TCP_CC_INFO: effect((name) => {
    withPair((client) => {
      set(client, "TCP_CONGESTION", "reno");
      assert.equal((get(client, name) as Uint8Array).length, 0);
    });
  }),
  TCP_CM_INQ: effect(tellsQueued),
  TCP_CONGESTION: effect((name) => {
    using socket = new Socket("inet", "stream");
    set(socket, name, "reno");
    assert.equal(get(socket, name), "reno");
    assert.equal(
      codeOf(() => set(socket, name, "nonesuch")),
      "ENOENT",
    );
  }),
  TCP_CORK: wire((name) => {
    withPair((client, server) => {
      set(client, name, true);
      assert.equal(get(client, name), true);
      client.sendSync("in one ");
      client.sendSync("segment");
      assert.equal(server.tryRecv(Buffer.alloc(99)), undefined);
      const packet = sniff(
        () => set(client, name, false),
        (found) => found.includes("in one"),
      );
      assert.ok(packet.includes("in one segment"));
    });
  }),
  TCP_DEFER_ACCEPT: effect((name) => {
    using listener = new Socket("inet", "stream");
    using client = new Socket("inet", "stream");
    set(listener, name, 3);
    assert.equal(get(listener, name), 3);
    listener.bind(loopback(listener));
    listener.listen();
    client.connectSync(loopback(client, portOf(listener)));
    assert.equal(listener.tryAccept(), undefined);
    client.sendSync("data");
    listener.acceptSync({ timeoutMs: 30_000 }).close();
  }),
  TCP_DELACK_MAX_US: setAndRead("tcp", 20_000, 40_000),
  TCP_FASTOPEN: effect((name) => {
    sysctl("ipv4/tcp_fastopen", "3");
    using listener = new Socket("inet", "stream");
    set(listener, name, 5);
    assert.equal(get(listener, name), 5);
    listener.bind(loopback(listener));
    listener.listen();
    assert.equal(get(listener, name), 5);
  }),
  TCP_FASTOPEN_CONNECT: wire((name) => {
    sysctl("ipv4/tcp_fastopen", "3");
    using listener = new Socket("inet", "stream");
    using client = new Socket("inet", "stream");
    set(client, name, true);
    assert.equal(get(client, name), true);
    set(listener, "TCP_FASTOPEN", 5);
    // The first connection asks for a cookie: an option without a value.
    assert.equal(tcpOptions(synOf(client, listener)).get(OPTION_FASTOPEN)?.length, 0);
  }),
  TCP_FASTOPEN_KEY: readBack((name) => {
    sysctl("ipv4/tcp_fastopen", "3");
    using listener = new Socket("inet", "stream");
    set(listener, name, KEY);
    assert.deepEqual(get(listener, name), KEY);
    const two = Uint8Array.from([...KEY, ...KEY.toReversed()]);
    set(listener, name, two);
    assert.deepEqual(get(listener, name), two);
  }),
  TCP_FASTOPEN_NO_COOKIE: wire((name) => {
    sysctl("ipv4/tcp_fastopen", "3");
    using listener = new Socket("inet", "stream");
    using client = new Socket("inet", "stream");
    set(client, "TCP_FASTOPEN_CONNECT", true);
    for (const socket of [client, listener]) {
      set(socket, name, true);
      assert.equal(get(socket, name), true);
    }
    set(listener, "TCP_FASTOPEN", 5);
    listener.bind(loopback(listener));
    listener.listen();
    // Without a cookie the data goes with the SYN at once.
    const packet = sniff(
      () => {
        client.connectSync(loopback(client, portOf(listener)), { timeoutMs: 30_000 });
        client.sendSync("early data");
      },
      (found) => found.includes("early data"),
    );
    assert.equal(flagsOf(packet) & SYN, SYN);
  }),
  TCP_INFO: compared((name) => {
    withPair((client, server) => {
      client.sendSync("12345");
      server.recvSync(5);
      until(() => (client.tcpInfo().unacked ?? 1) === 0, "all acknowledged");
      const info = client.tcpInfo();
      const { snd_cwnd, snd_mss, rtt, stateName, optionNames, bytes_acked, delivery_rate_app_limited } = info;
      assert.equal(stateName, "TCP_ESTABLISHED");
      assert.ok(optionNames.includes("TCPI_OPT_SACK"));
      assert.equal(typeof delivery_rate_app_limited, "boolean");
      // The SYN counts as one.
      assert.equal(bytes_acked, 6n);
      const theirs = pythonBytes(client, name, 1024);
      assert.equal(theirs[TCP_INFO_STRUCT.tcpi_state], TCP_ESTABLISHED);
      assert.deepEqual(
        [snd_cwnd, snd_mss, rtt],
        [infoWord(theirs, "tcpi_snd_cwnd"), infoWord(theirs, "tcpi_snd_mss"), infoWord(theirs, "tcpi_rtt")],
      );
      assert.deepEqual(Object.keys(get(client, name) as object).includes("snd_wnd"), true);
      using listener = new Socket("inet", "stream");
      listener.bind(loopback(listener));
      listener.listen();
      assert.equal(listener.tcpInfo().state, TCP_LISTEN);
    });
  }),
  TCP_INQ: effect(tellsQueued),
  TCP_IS_MPTCP: effect((name) => {
    using plain = new Socket("inet", "stream");
    assert.equal(get(plain, name), false);
    using listener = needing(
      "no MPTCP",
      ["EPROTONOSUPPORT", "ENOPROTOOPT"],
      () => new Socket("inet", "stream", IPPROTO_MPTCP),
    );
    listener.bind(loopback(listener));
    listener.listen();
    using client = new Socket("inet", "stream", IPPROTO_MPTCP);
    client.connectSync(loopback(client, portOf(listener)));
    assert.equal(get(client, name), true);
  }),
  TCP_KEEPCNT: setAndRead("tcp", 3, 127),
  TCP_KEEPIDLE: setAndRead("tcp", 1, 32_767),
  TCP_KEEPINTVL: setAndRead("tcp", 1, 32_767),
  TCP_LINGER2: setAndRead("tcp", 5, -1),
  TCP_MAXSEG: wire((name) => {
    using listener = new Socket("inet", "stream");
    using client = new Socket("inet", "stream");
    set(client, name, 600);
    assert.equal(tcpOptions(synOf(client, listener)).get(OPTION_SEGMENT_SIZE)?.readUInt16BE(0), 600);
    assert.ok((get(client, name) as number) <= 600);
  }),
  TCP_MD5SIG: wire((name) => signature(name, {})),
  TCP_MD5SIG_EXT: wire((name) => signature(name, { prefixLength: 8 })),
  TCP_NODELAY: effect((name) => {
    withPair((client) => {
      assert.equal(get(client, name), false);
      set(client, name, true);
      assert.equal(get(client, name), true);
      set(client, name, false);
      assert.equal(get(client, name), false);
    });
  }),
  TCP_NOTSENT_LOWAT: setAndRead("tcp", 16_384, 0xffff_ffff),
  TCP_QUICKACK: readBack((name) => {
    withPair((client) => {
      set(client, name, false);
      assert.equal(get(client, name), false);
      set(client, name, true);
      assert.equal(get(client, name), true);
    });
  }),
  TCP_RTO_MAX_MS: setAndRead("tcp", 1000, 120_000),
  TCP_RTO_MIN_US: setAndRead("tcp", 100_000, 200_000),
  TCP_SAVED_SYN: effect(savedSyn),
  TCP_SAVE_SYN: effect(savedSyn),
  TCP_SYNCNT: setAndRead("tcp", 1, 6),
  TCP_THIN_DUPACK: setAndGet("tcp", true, false),
  TCP_THIN_LINEAR_TIMEOUTS: onAndOff("tcp"),
  TCP_TX_DELAY: setAndRead("tcp", 10_000),
  TCP_ULP: effect((name) => {
    withPair((client) => {
      assert.equal(get(client, name), "");
      assert.equal(
        codeOf(() => set(client, name, "nonesuch")),
        "ENOENT",
      );
      needing("no kernel TLS", ["ENOENT"], () => set(client, name, "tls"));
      assert.equal(get(client, name), "tls");
    });
  }),
  TCP_USER_TIMEOUT: setAndRead("tcp", 30_000, 0),
  TCP_WINDOW_CLAMP: setAndRead("tcp", 65_536),
  TCP_ZEROCOPY_RECEIVE: effect((name) => {
    withPair((client, server) => {
      const address = mmap(0, 4 * PAGE_BYTES, PROT_READ, MAP_SHARED, server.fd, 0);
      assert.ok(address > 0, `mmap: ${address}`);
      client.sendSync("not a page");
      server.readySync("readable");
      const received = get(server, name, { address, lengthBytes: 4 * PAGE_BYTES }) as Record<string, number>;
      // Only whole pages appear in the place: the rest is to be received as ever.
      assert.deepEqual([received.lengthBytes, received.skipBytes, received.error], [0, 10, 0]);
      assert.equal(String(server.recvSync(99)), "not a page");
      munmap(address, 4 * PAGE_BYTES);
      assert.equal(
        codeOf(() => get(server, name, { address: 1, lengthBytes: PAGE_BYTES })),
        "EINVAL",
      );
    });
  }),
};

/** recvmsg tells how much is left. */
function tellsQueued(name: string): void {
  withPair((client, server) => {
    set(server, name, true);
    assert.equal(get(server, name), true);
    client.sendSync("12345");
    assert.equal(controlOf(receive(server, 0, 2), SOL_TCP, TCP_INQ).readInt32LE(0), 3);
    set(server, name, false);
    assert.equal(receive(server).control.length, 0);
  });
}

/** The headers of the packet that began the connection. */
function savedSyn(): void {
  using listener = new Socket("inet", "stream");
  using client = new Socket("inet", "stream");
  set(listener, "TCP_SAVE_SYN", 1);
  assert.equal(get(listener, "TCP_SAVE_SYN"), 1);
  listener.bind(loopback(listener));
  listener.listen();
  client.connectSync(loopback(client, portOf(listener)));
  using server = listener.acceptSync({ timeoutMs: 30_000 });
  const syn = Buffer.from(get(server, "TCP_SAVED_SYN") as Uint8Array);
  assert.ok(isProtocol(syn, IPPROTO_TCP));
  assert.equal(flagsOf(syn) & (SYN | FIN), SYN);
  assert.equal(payloadOf(syn).readUInt16BE(0), portOf(client));
  assert.equal((get(server, "TCP_SAVED_SYN") as Uint8Array).length, 0);
}
