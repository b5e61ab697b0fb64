/** A second socket for the open file of somebody else's: of Node's own modules, of our faces of them, of a number. */
import nodeDgram from "node:dgram";
import { once } from "node:events";
import { closeSync, openSync } from "node:fs";
import nodeNet, { type AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { Socket } from "portolan";
import { SOCK_DGRAM } from "portolan/abi";
import * as ourDgram from "portolan/dgram";
import * as ourNet from "portolan/net";
import { closeThreadReactor } from "portolan/reactor";
import { afterAll, describe, expect, it } from "vitest";
import { openThings } from "../support/leaks.ts";
import { failureOf } from "../support/socket-pairs.ts";

afterAll(closeThreadReactor);

describe("Socket.fromDuplicate", () => {
  const faces: [string, typeof nodeNet, typeof nodeDgram][] = [
    ["Node's", nodeNet, nodeDgram],
    ["Portolan's", ourNet as unknown as typeof nodeNet, ourDgram as unknown as typeof nodeDgram],
  ];

  it.each(faces)(
    "reaches the options of %s own net sockets, servers and datagrams, and leaves them open",
    async (_of, net, dgram) => {
      const server = net.createServer((socket) => socket.pipe(socket)).listen(0, "127.0.0.1");
      await once(server, "listening");
      const { port } = server.address() as AddressInfo;
      const client = net.connect(port, "127.0.0.1");
      await once(client, "connect");
      const datagrams = dgram.createSocket("udp4").bind(0, "127.0.0.1");
      await once(datagrams, "listening");
      {
        using listener = Socket.fromDuplicate(server);
        expect([listener.state, listener.localAddress]).toEqual([
          "listening",
          { family: "inet", address: "127.0.0.1", port },
        ]);
        using twin = Socket.fromDuplicate(client);
        twin.setOption("TCP_USER_TIMEOUT", 4321);
        expect(twin.tcpInfo().stateName).toBe("TCP_ESTABLISHED");
        using other = Socket.fromDuplicate(client);
        expect(other.getOption("TCP_USER_TIMEOUT")).toBe(4321);
        using udp = Socket.fromDuplicate(datagrams);
        expect(udp.type).toBe(SOCK_DGRAM);
      }
      client.end("still open");
      expect(await text(client)).toBe("still open");
      datagrams.close();
      server.close();
      await once(server, "close");
      expect(await failureOf(() => Socket.fromDuplicate(server))).toMatchObject({ code: "EBADF" });
      expect(await failureOf(() => Socket.fromDuplicate(new net.Socket()))).toMatchObject({ code: "EBADF" });
    },
  );

  it("takes numbers and sockets, and refuses what is none, leaving nothing open", async () => {
    const [left, right] = Socket.pair();
    using _right = right;
    using ours = Socket.fromDuplicate(left);
    using numbered = Socket.fromDuplicate(left.fd);
    left.close();
    await right.sendAll("x");
    expect(String(await ours.recv(1))).toBe("x");
    expect(numbered.state).toBe("connected");
    const file = openSync("/dev/null", "r");
    const before = openThings();
    expect(await failureOf(() => Socket.fromDuplicate(file))).toMatchObject({ code: "ENOTSOCK" });
    expect([...openThings()]).toEqual([...before]);
    closeSync(file);
    for (const wrong of [null, {}, "3", -1, { _handle: {} }]) {
      expect((await failureOf(() => Socket.fromDuplicate(wrong as never))).name).toBe("TypeError");
    }
  });
});
