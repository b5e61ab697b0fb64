/** Connected sockets for tests, and folders for unix sockets. */
import { mkdtempSync, rmSync } from "node:fs";
import { networkInterfaces, tmpdir } from "node:os";
import { join } from "node:path";
import { Socket } from "portolan";

/** A listener on an ephemeral port of the loopback. */
export function tcpListener(): Socket {
  const listener = new Socket("inet", "stream");
  listener.bind("tcp://127.0.0.1:0");
  listener.listen();
  return listener;
}

/** Whether this machine has the IPv6 loopback: containers often have none. */
export const hasInet6: boolean = Object.values(networkInterfaces()).some((list) =>
  list?.some(({ address }) => address === "::1"),
);

/** Both ends of a TCP connection: the kernel completes the handshake before anybody accepts. */
export function tcpPair(): [client: Socket, server: Socket] {
  using listener = tcpListener();
  const client = new Socket("inet", "stream");
  client.connectSync(listener.localAddress);
  return [client, listener.acceptSync()];
}

/** Runs something with a new folder, and removes that. */
export async function withFolder<T>(body: (folder: string) => Promise<T> | T): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), "portolan-"));
  try {
    return await body(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** `size` bytes that repeat only after 251, so that a byte lost or doubled shows. */
export function pattern(size: number): Buffer {
  const bytes = Buffer.alloc(size);
  for (let i = 0; i < size; i++) bytes[i] = i % 251;
  return bytes;
}

/** What a call throws, or rejects with. */
export async function failureOf(call: () => unknown): Promise<Error & { code?: string; syscall?: string }> {
  try {
    await call();
  } catch (error) {
    return error as Error;
  }
  throw new Error("the call did not fail");
}
