/** What `listen` does with ports and with the files of unix sockets. */
import { chmodSync, existsSync, lstatSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { connect, connectSync, listen, listenSync, Socket } from "portolan";
import { closeThreadReactor } from "portolan/reactor";
import { close } from "portolan/sys";
import { afterAll, describe, expect, it } from "vitest";
import { failureOf, withFolder } from "../support/socket-pairs.ts";

afterAll(closeThreadReactor);

/** A socket file that nobody listens at: what a server leaves that was killed. */
function leaveStale(endpoint: string): void {
  using socket = new Socket("unix", endpoint.startsWith("unix+dgram:") ? "dgram" : "stream");
  socket.bind(endpoint);
}

describe("listen at a port", () => {
  it("may take it again while an earlier connection is in TIME_WAIT", async () => {
    const first = await listen("tcp://127.0.0.1:0");
    const address = first.localAddress as { port: number };
    using client = await connect(`tcp://127.0.0.1:${address.port}`);
    const server = await first.accept();
    first.close();
    server.close();
    expect((await client.recv(1)).length).toBe(0);
    client.close();
    using second = await listen(`tcp://127.0.0.1:${address.port}`);
    expect(second.localAddress).toEqual(address);
    expect(second.reuseAddress).toBe(true);
    await failureOf(() => listen(`tcp://127.0.0.1:${address.port}`, { reuseAddress: false }));
    const error = await failureOf(() => listen(`tcp://127.0.0.1:${address.port}`));
    expect(error).toMatchObject({ code: "EADDRINUSE" });
    expect(error.message).toContain(`held by pid ${process.pid} (this process)`);
  });

  it("takes a backlog and options, and a host by name", async () => {
    using listener = await listen("tcp://localhost:0", { backlog: 1, options: { SO_RCVBUF: 30_000 } });
    expect([listener.receiveBufferBytes, listener.getOption("SO_ACCEPTCONN")]).toEqual([60_000, true]);
    using blocking = listenSync("udp://127.0.0.1:0");
    expect(blocking.reuseAddress).toBe(false);
  });

  it("closes the socket when something is wrong", async () => {
    for (const call of [
      () => listen("tcp://192.0.2.1:0"),
      () => listen("tcp://127.0.0.1:0", { backlog: -1 }),
      () => listen("tcp://127.0.0.1:0", { options: { SO_RCVBUF: "x" as never } }),
      () => connect("tcp://127.0.0.1:1", { options: { SO_RCVBUF: "x" as never } }),
      () => connectSync("tcp://127.0.0.1:0"),
    ]) {
      // The setup file fails this one if a descriptor stays open.
      expect((await failureOf(call)).name).toMatch(/Error$/);
    }
  });

  it("refuses a name that has no address", async () => {
    // A label is 63 letters at most (RFC 1035 2.3.4), so no name server is asked: it might be silent where this runs.
    const error = await failureOf(() => connect(`${"x".repeat(64)}.invalid`, "80"));
    expect(error).toMatchObject({ code: "EAI_NONAME", syscall: "getaddrinfo" });
  });
});

describe("listen at a path", () => {
  it("closes though its file may not be removed any more", async () => {
    await withFolder(async (folder) => {
      const path = join(folder, "kept.sock");
      const listener = await listen(`unix://${path}`);
      const isRoot = process.geteuid?.() === 0;
      chmodSync(folder, 0o555);
      // The superuser may remove it all the same; nobody may not.
      if (isRoot) process.seteuid?.(65_534);
      try {
        listener.close();
      } finally {
        if (isRoot) process.seteuid?.(0);
        chmodSync(folder, 0o700);
      }
      expect(existsSync(path)).toBe(true);
      using next = await listen(`unix://${path}`);
      expect(next.closed).toBe(false);
    });
  });

  it("removes the file when it is closed, and only its own", async () => {
    await withFolder(async (folder) => {
      const path = join(folder, "x.sock");
      const first = await listen(`unix://${path}`);
      expect(lstatSync(path).isSocket()).toBe(true);
      first.close();
      expect(existsSync(path)).toBe(false);

      const second = await listen(`unix://${path}`);
      renameSync(path, join(folder, "moved.sock"));
      using third = await listen(`unix://${path}`);
      second.close();
      expect([existsSync(path), existsSync(join(folder, "moved.sock"))]).toEqual([true, true]);
      expect(third.closed).toBe(false);
    });
  });

  it("leaves the file to whom the descriptor is given", async () => {
    await withFolder(async (folder) => {
      const path = join(folder, "x.sock");
      const fd = (await listen(`unix://${path}`)).detach();
      expect(existsSync(path)).toBe(true);
      close(fd);
    });
  });

  it("replaces a stale file, unless told not to", async () => {
    await withFolder(async (folder) => {
      for (const scheme of ["unix", "unix+dgram"]) {
        const endpoint = `${scheme}://${join(folder, `${scheme}.sock`)}`;
        leaveStale(endpoint);
        expect(await failureOf(() => listen(endpoint, { replaceStale: false }))).toMatchObject({ code: "EADDRINUSE" });
        using socket = await listen(endpoint);
        using peer = await connect(endpoint);
        expect([socket.closed, peer.closed]).toEqual([false, false]);
      }
    });
  });

  it("never takes a path from a live socket, of whichever type, or from a file", async () => {
    await withFolder(async (folder) => {
      const path = join(folder, "x.sock");
      using first = await listen(`unix://${path}`, { backlog: 0 });
      const error = await failureOf(() => listen(`unix://${path}`));
      expect(error).toMatchObject({ code: "EADDRINUSE", syscall: "bind", path });
      expect(error.message).toContain(`held by pid ${process.pid}`);
      // The probe has filled the queue, and a full queue is life too.
      expect(await failureOf(() => listen(`unix://${path}`))).toMatchObject({ code: "EADDRINUSE" });
      expect(await failureOf(() => listen(`unix+dgram://${path}`))).toMatchObject({ code: "EADDRINUSE" });
      expect(first.closed).toBe(false);

      const file = join(folder, "precious.txt");
      writeFileSync(file, "data");
      const refused = await failureOf(() => listen(`unix://${file}`));
      expect(refused.message).toBe(`bind EADDRINUSE ${file}: a file that is no socket has this path`);
      expect(existsSync(file)).toBe(true);
    });
  });

  it("says why a path cannot be", async () => {
    expect((await failureOf(() => listen("unix:///proc/nonexistent/x.sock"))).message).toBe(
      "bind ENOENT /proc/nonexistent/x.sock: the directory of the path does not exist",
    );
  });
});
