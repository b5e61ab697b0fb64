/** The package in a worker: blocking and asynchronous calls there, and a worker that is ended while it blocks. */
import { once } from "node:events";
import { Worker } from "node:worker_threads";
import { connect, Socket } from "portolan";
import { closeThreadReactor } from "portolan/reactor";
import { afterAll, describe, expect, it } from "vitest";

afterAll(closeThreadReactor);

function startWorker(mode: "serve" | "block"): Worker {
  return new Worker(new URL("../fixtures/socket-worker.mjs", import.meta.url), {
    workerData: {
      mode,
      entry: new URL("../../dist/socket/index.js", import.meta.url).href,
      reactor: new URL("../../dist/reactor/index.js", import.meta.url).href,
    },
  });
}

describe("in a worker", () => {
  it("sockets block and wait as in the main thread", async () => {
    const worker = startWorker("serve");
    // Asked for at once: the worker may be gone before the last answer has been read.
    const exited = once(worker, "exit");
    const [{ port }] = (await once(worker, "message")) as [{ port: number }];
    const done = once(worker, "message");
    for (const word of ["blocking", "asynchronous"]) {
      using client = await connect(`tcp://127.0.0.1:${port}`);
      await client.sendAll(word);
      expect((await client.recv(100, { timeoutMs: 30_000 })).toString()).toBe(word);
    }
    expect(await done).toEqual(["done"]);
    expect(await exited).toEqual([0]);
  });

  it("a blocked accept does not keep the worker from being terminated", async () => {
    const worker = startWorker("block");
    const [{ fd }] = (await once(worker, "message")) as [{ fd: number }];
    expect(await worker.terminate()).toBe(1);
    // A worker that is terminated closes nothing: its listener is still there.
    using listener = Socket.from(fd);
    expect(listener.getOption("SO_ACCEPTCONN")).toBe(true);
  });
});
