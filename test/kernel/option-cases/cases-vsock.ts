/** Level AF_VSOCK. */
import assert from "node:assert/strict";
import { Socket } from "portolan";
import { type CaseTable, get, needing, readBack, set } from "./kit.ts";

function withSocket(run: (socket: Socket, name: string) => void): ReturnType<typeof readBack> {
  return readBack((name) => {
    using socket = needing("no vsock", ["EAFNOSUPPORT", "ENODEV"], () => new Socket("vsock", "stream"));
    run(socket, name);
  });
}

/** The system's name for two seconds is what a new socket has. */
const timeout = (): ReturnType<typeof readBack> =>
  withSocket((socket, name) => {
    assert.equal(get(socket, name), 2000);
    set(socket, name, 5000);
    assert.equal(get(socket, name), 5000);
  });

export const cases: CaseTable = {
  SO_VM_SOCKETS_BUFFER_MAX_SIZE: withSocket((socket, name) => {
    set(socket, name, 1_000_000n);
    assert.equal(get(socket, name), 1_000_000n);
  }),
  SO_VM_SOCKETS_BUFFER_MIN_SIZE: withSocket((socket, name) => {
    set(socket, name, 4096n);
    assert.equal(get(socket, name), 4096n);
  }),
  SO_VM_SOCKETS_BUFFER_SIZE: withSocket((socket, name) => {
    set(socket, name, 65_536n);
    assert.equal(get(socket, name), 65_536n);
    // The bounds bind it.
    set(socket, "SO_VM_SOCKETS_BUFFER_MAX_SIZE", 32_768n);
    assert.equal(get(socket, name), 32_768n);
  }),
  SO_VM_SOCKETS_CONNECT_TIMEOUT: timeout(),
  SO_VM_SOCKETS_CONNECT_TIMEOUT_NEW: timeout(),
  SO_VM_SOCKETS_CONNECT_TIMEOUT_OLD: timeout(),
};
