/** Level SOL_SOCKET: what a socket tells of its peer, and what unix sockets pass on. */
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { Socket } from "portolan";
import { EBADF, SCM_CREDENTIALS, SCM_INQ, SCM_PIDFD, SCM_RIGHTS, SOL_SOCKET, UCRED } from "portolan/abi";
import { close, open, sendmsg } from "portolan/sys";
import {
  type CaseTable,
  codeOf,
  compared,
  controlOf,
  effect,
  get,
  needing,
  onAndOff,
  receive,
  set,
  streamPair,
} from "./kit.ts";
import { pythonBytes } from "./python.ts";
import { messageWithDescriptor } from "./rights.ts";

/** A pair of unix sockets, closed at the end. */
function withPair(run: (left: Socket, right: Socket) => void): void {
  const [left, right] = Socket.pair("stream");
  using _left = left;
  using _right = right;
  run(left, right);
}

/** The process that a pidfd is of, pidfd_open(2). */
function pidOf(pidfd: number): number {
  return Number(/^Pid:\s+(\d+)/m.exec(readFileSync(`/proc/self/fdinfo/${pidfd}`, "utf8"))?.[1]);
}

export const cases: CaseTable = {
  SO_INQ: effect((name) => {
    withPair((left, right) => {
      needing("before Linux 6.17", ["ENOPROTOOPT"], () => set(right, name, true));
      left.sendSync("12345");
      assert.equal(controlOf(receive(right, 0, 2), SOL_SOCKET, SCM_INQ).readInt32LE(0), 3);
      set(right, name, false);
      assert.deepEqual(receive(right).control, []);
    });
  }),
  SO_PASSCRED: effect((name) => {
    withPair((left, right) => {
      set(right, name, true);
      assert.equal(get(right, name), true);
      left.sendSync("who?");
      const data = controlOf(receive(right), SOL_SOCKET, SCM_CREDENTIALS);
      assert.equal(data.readInt32LE(UCRED.pid), process.pid);
      set(right, name, false);
      assert.equal(get(right, name), false);
    });
  }),
  SO_PASSPIDFD: effect((name) => {
    withPair((left, right) => {
      set(right, name, true);
      assert.equal(get(right, name), true);
      left.sendSync("who?");
      const pidfd = controlOf(receive(right), SOL_SOCKET, SCM_PIDFD).readInt32LE(0);
      assert.equal(pidOf(pidfd), process.pid);
      close(pidfd);
    });
  }),
  SO_PASSRIGHTS: effect((name) => {
    withPair((left, right) => {
      assert.equal(
        needing("before Linux 6.16", ["ENOPROTOOPT"], () => get(right, name)),
        true,
      );
      const fd = open("/dev/null", 0);
      const pass = (): number => sendmsg(left.fd, messageWithDescriptor(fd), 0);
      assert.equal(pass(), 1);
      close(controlOf(receive(right), SOL_SOCKET, SCM_RIGHTS).readInt32LE(0));
      set(right, name, false);
      assert.equal(get(right, name), false);
      // EPERM: nobody takes it.
      assert.equal(pass(), -1);
      close(fd);
    });
  }),
  SO_PASSSEC: onAndOff("unix"),
  SO_PEEK_OFF: effect((name) => {
    withPair((left, right) => {
      assert.equal(get(right, name), -1);
      set(right, name, 2);
      assert.equal(get(right, name), 2);
      left.sendSync("012345");
      const MSG_PEEK = 2;
      assert.equal(String(receive(right, MSG_PEEK, 3).bytes), "234");
      assert.equal(get(right, name), 5);
      set(right, name, -1);
    });
  }),
  SO_PEERCRED: compared((name) => {
    withPair((left) => {
      const { pid, uid, gid } = get(left, name) as { pid: number; uid: number; gid: number };
      assert.deepEqual([pid, uid, gid], [process.pid, process.getuid?.(), process.getgid?.()]);
      assert.equal(pythonBytes(left, name, UCRED.size).readInt32LE(UCRED.pid), pid);
    });
  }),
  SO_PEERGROUPS: compared((name) => {
    const groups = /^Groups:(.*)$/m.exec(readFileSync("/proc/self/status", "utf8"))?.[1] ?? "";
    withPair((left) => assert.deepEqual(get(left, name), groups.split(/\s+/).filter(Boolean).map(Number)));
  }),
  SO_PEERNAME: compared((name) => {
    const [client, server] = streamPair();
    using _client = client;
    using _server = server;
    assert.deepEqual(get(client, name), server.localAddress);
  }),
  SO_PEERPIDFD: compared((name) => {
    withPair((left) => {
      const before = readdirSync("/proc/self/fd").length;
      const pidfd = get(left, name) as number;
      assert.equal(pidOf(pidfd), process.pid);
      assert.equal(close(pidfd), 0);
      assert.equal(close(pidfd), -EBADF);
      assert.equal(readdirSync("/proc/self/fd").length, before);
    });
  }),
  SO_PEERSEC: compared((name) => {
    withPair((left) => {
      const label = needing("no security module labels sockets", ["ENOPROTOOPT"], () => get(left, name)) as string;
      assert.equal(label, readFileSync("/proc/self/attr/current", "utf8").replace(/\0|\n/g, ""));
      assert.equal(
        codeOf(() => get(left, "IP_TTL")),
        "EOPNOTSUPP",
      );
    });
  }),
};
