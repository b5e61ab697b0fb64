/** Levels SOL_UDP and SOL_UDPLITE. */
import assert from "node:assert/strict";
import { Socket } from "portolan";
import { IPPROTO_UDPLITE, SOL_UDP, UDP_ENCAP_L2TPINUDP, UDP_GRO } from "portolan/abi";
import {
  type CaseTable,
  codeOf,
  controlOf,
  datagramPacket,
  datagramPair,
  effect,
  get,
  isProtocol,
  loopback,
  payloadOf,
  portOf,
  readBack,
  receive,
  set,
  sniff,
  wire,
} from "./kit.ts";

const udpLite = (): Socket => new Socket("inet", "dgram", IPPROTO_UDPLITE);

export const cases: CaseTable = {
  UDP_CORK: effect((name) => {
    const [sender, receiver] = datagramPair();
    using _sender = sender;
    using _receiver = receiver;
    set(sender, name, true);
    assert.equal(get(sender, name), true);
    sender.sendSync("one ");
    sender.sendSync("datagram");
    assert.equal(receiver.tryRecv(Buffer.alloc(99)), undefined);
    set(sender, name, false);
    assert.equal(String(receive(receiver).bytes), "one datagram");
  }),
  UDP_ENCAP: readBack((name) => {
    using socket = new Socket("inet", "dgram");
    assert.equal(get(socket, name), 0);
    set(socket, name, UDP_ENCAP_L2TPINUDP);
    assert.equal(get(socket, name), UDP_ENCAP_L2TPINUDP);
    assert.equal(
      codeOf(() => set(socket, name, 99)),
      "ENOPROTOOPT",
    );
  }),
  UDP_GRO: effect((name) => {
    const [sender, receiver] = datagramPair();
    using _sender = sender;
    using _receiver = receiver;
    set(receiver, name, true);
    assert.equal(get(receiver, name), true);
    set(sender, "UDP_SEGMENT", 100);
    sender.sendSync(Buffer.alloc(250));
    const message = receive(receiver);
    assert.equal(message.bytes.length, 250);
    assert.equal(controlOf(message, SOL_UDP, UDP_GRO).readInt32LE(0), 100);
  }),
  UDP_NO_CHECK6_RX: effect((name) => {
    const arrives = (on: boolean): boolean => {
      const [sender, receiver] = datagramPair("udp6");
      using _sender = sender;
      using _receiver = receiver;
      set(sender, "UDP_NO_CHECK6_TX", true);
      set(receiver, name, on);
      assert.equal(get(receiver, name), on);
      sender.sendSync("unchecked");
      return receiver.tryRecv(Buffer.alloc(99)) !== undefined;
    };
    assert.equal(arrives(true), true);
    assert.equal(arrives(false), false);
  }),
  UDP_NO_CHECK6_TX: wire((name) => {
    const checksum = (on: boolean): number => {
      const packet = datagramPacket("udp6", (sender) => {
        set(sender, name, on);
        assert.equal(get(sender, name), on);
      });
      return payloadOf(packet).readUInt16BE(6);
    };
    assert.equal(checksum(true), 0);
    assert.notEqual(checksum(false), 0);
  }),
  UDP_SEGMENT: effect((name) => {
    const [sender, receiver] = datagramPair();
    using _sender = sender;
    using _receiver = receiver;
    set(sender, name, 100);
    assert.equal(get(sender, name), 100);
    sender.sendSync(Buffer.alloc(250));
    const lengths = [1, 2, 3].map(() => receive(receiver).bytes.length);
    assert.deepEqual(lengths, [100, 100, 50]);
  }),
  UDPLITE_RECV_CSCOV: effect((name) => {
    const arrives = (coverage: number): boolean => {
      const [sender, receiver] = datagramPair(udpLite, (first, second) => {
        set(first, "UDPLITE_SEND_CSCOV", 12);
        set(second, name, coverage);
        assert.equal(get(second, name), coverage);
      });
      using _sender = sender;
      using _receiver = receiver;
      sender.sendSync("covered in part");
      return receiver.tryRecv(Buffer.alloc(99)) !== undefined;
    };
    assert.equal(arrives(12), true);
    assert.equal(arrives(16), false);
  }),
  UDPLITE_SEND_CSCOV: wire((name) => {
    using sender = udpLite();
    using receiver = udpLite();
    receiver.bind(loopback(receiver));
    assert.equal(get(sender, name), 0);
    set(sender, name, 12);
    assert.equal(get(sender, name), 12);
    const packet = sniff(
      () => sender.sendToSync("covered in part", loopback(sender, portOf(receiver))),
      (found) => isProtocol(found, IPPROTO_UDPLITE),
    );
    assert.equal(payloadOf(packet).readUInt16BE(4), 12);
  }),
};
