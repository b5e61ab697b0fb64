/** Programs by others behind the super-server: each has the socket as its descriptors 0, 1 and 2, and needs no change. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect, Socket } from "portolan";
import { closeThreadReactor } from "portolan/reactor";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ask, children, PATIENCE_MS, readAll, serviceOf, shell, startServices } from "../support/inetd-kit.ts";
import { openThings } from "../support/leaks.ts";
import { needsProgram } from "../support/programs.ts";
import { until } from "../support/until.ts";

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "portolan-inetd-"));
});
afterAll(() => {
  closeThreadReactor();
  rmSync(folder, { recursive: true, force: true });
});

const PYTHON = `
import os, socket, sys
peer = socket.socket(fileno=os.dup(0)).getpeername()
line = sys.stdin.readline()
print(peer[0], peer[1], line.strip().upper(), flush=True)
`;

const C_PROGRAM = String.raw`
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/socket.h>
int main(void) {
  struct sockaddr_in peer;
  socklen_t length = sizeof peer;
  char line[100], text[INET_ADDRSTRLEN];
  if (getpeername(0, (struct sockaddr *)&peer, &length) < 0) { perror("getpeername"); return 1; }
  if (fgets(line, sizeof line, stdin) == NULL) return 2;
  inet_ntop(AF_INET, &peer.sin_addr, text, sizeof text);
  printf("%s %d %s", text, ntohs(peer.sin_port), line);
  fprintf(stderr, "and descriptor 2\n");
  return 0;
}
`;

function compile(source: string, name: string): string {
  const path = join(folder, name);
  writeFileSync(`${path}.c`, source);
  execFileSync("cc", ["-O1", "-o", path, `${path}.c`]);
  return path;
}

/** Sends a line; the answer, and the port that it was sent from. */
async function converse(endpoint: string): Promise<{ answer: string; port: number }> {
  using socket = await connect(endpoint, { timeoutMs: PATIENCE_MS });
  const local = socket.localAddress;
  await socket.sendAll("hello\n");
  socket.shutdown("write");
  return { answer: await readAll(socket), port: local.family === "inet" ? local.port : 0 };
}

describe("a connection is a program's standard input and output", () => {
  it("of cat", async () => {
    await using started = await startServices([serviceOf()]);
    expect(await ask(started.endpoint, "hello\n")).toBe("hello\n");
    expect(await started.seen("EXIT")).toMatchObject({ id: "test", status: 0, from: "127.0.0.1" });
  });

  it("of a shell script, which reads a line, and finds its peer in the environment", async () => {
    const script = 'read line; echo "got $line from $REMOTE_HOST"; echo "port $REMOTE_PORT" >&2';
    await using started = await startServices([serviceOf({ program: shell(script) })]);
    const { answer, port } = await converse(started.endpoint);
    expect(answer).toBe(`got hello from 127.0.0.1\nport ${port}\n`);
  });

  it("of a Python script, which asks descriptor 0 for its peer", async (context) => {
    needsProgram(context, "python3", ["--version"]);
    const path = join(folder, "peer.py");
    writeFileSync(path, `#!/usr/bin/env python3\n${PYTHON}`, { mode: 0o755 });
    await using started = await startServices([serviceOf({ program: { path, argv: [path] } })]);
    const { answer, port } = await converse(started.endpoint);
    expect(answer).toBe(`127.0.0.1 ${port} HELLO\n`);
  });

  it("of a program in C, which asks the same", async (context) => {
    needsProgram(context, "cc", ["--version"]);
    const path = compile(C_PROGRAM, "peer");
    await using started = await startServices([serviceOf({ program: { path, argv: ["peer"] } })]);
    const { answer, port } = await converse(started.endpoint);
    expect(answer.split("\n").sort()).toEqual(["", `127.0.0.1 ${port} hello`, "and descriptor 2"].sort());
  });

  it("over IPv6 and unix sockets as well", async () => {
    const path = join(folder, "cat.sock");
    for (const endpoint of ["tcp://[::1]:0", `unix://${path}`]) {
      await using started = await startServices([serviceOf({ endpoint })]);
      expect(await ask(started.endpoint, "hello\n")).toBe("hello\n");
    }
  });

  it("of messages that keep their bounds", async () => {
    const script = "dd bs=100 count=2 2>/dev/null";
    const listen = { type: "seqpacket" } as const;
    const endpoint = `unix+seqpacket://@portolan-inetd-${process.pid}`;
    await using started = await startServices([serviceOf({ endpoint, listen, program: shell(script) })]);
    using socket = await connect(started.endpoint, { timeoutMs: PATIENCE_MS });
    await socket.send("one");
    await socket.send("two");
    expect((await socket.recv(100, { timeoutMs: PATIENCE_MS })).toString()).toBe("one");
    expect((await socket.recv(100, { timeoutMs: PATIENCE_MS })).toString()).toBe("two");
  });

  it("with signals as they are by default, none blocked, in a process group of its own", async () => {
    const script = "grep -E '^Sig(Blk|Ign)' /proc/self/status; cut -d' ' -f5 /proc/$$/stat; echo $$";
    await using started = await startServices([serviceOf({ program: shell(script) })]);
    const [blocked, ignored, group, pid] = (await ask(started.endpoint)).split("\n");
    expect([blocked, ignored]).toEqual(["SigBlk:\t0000000000000000", "SigIgn:\t0000000000000000"]);
    expect(group).toBe(pid);
  });

  it("and no other descriptor of the super-server's", async () => {
    using _ = new Socket("inet", "stream");
    await using started = await startServices([serviceOf({ program: shell("ls /proc/self/fd | wc -l") })]);
    // 0, 1, 2, and the one that ls reads the folder by.
    expect((await ask(started.endpoint)).trim()).toBe("4");
  });
});

describe("one program has the whole socket", () => {
  const ACCEPTS =
    "import socket\ns = socket.socket(fileno=0)\nfor i in range(2):\n c, _ = s.accept()\n c.sendall(b'%d' % i)\n c.close()";

  it("of a stream: it accepts, and when it ends, the next who comes has a new one", async (context) => {
    needsProgram(context, "python3", ["--version"]);
    const program = { path: "/usr/bin/env", argv: ["env", "python3", "-c", ACCEPTS] };
    await using started = await startServices([serviceOf({ wait: true, program })]);
    const answers: string[] = [];
    for (let i = 0; i < 4; i++) answers.push(await ask(started.endpoint));
    expect(answers).toEqual(["0", "1", "0", "1"]);
    await started.seen("EXIT", 2);
    expect(started.records.filter(({ entry }) => entry === "START")).toHaveLength(2);
  });

  it("of datagrams: it answers those that come until it ends", async (context) => {
    needsProgram(context, "python3", ["--version"]);
    const code = "import socket\ns = socket.socket(fileno=0)\nd, a = s.recvfrom(100)\ns.sendto(d.upper(), a)";
    const program = { path: "/usr/bin/env", argv: ["env", "python3", "-c", code] };
    const wish = { endpoint: "udp://127.0.0.1:0", listen: { type: "dgram" }, wait: true, program } as const;
    await using started = await startServices([serviceOf(wish)]);
    using socket = await connect(started.endpoint);
    for (const text of ["one", "two"]) {
      await socket.send(text);
      expect((await socket.recv(100, { timeoutMs: PATIENCE_MS })).toString()).toBe(text.toUpperCase());
    }
    expect(started.records.find(({ entry }) => entry === "START")).toMatchObject({ from: "127.0.0.1" });
  });
});

it("each datagram has a program of its own: it reads the datagram and the end, and writes answers", async () => {
  const program = shell('text=$(cat); echo "$text from $REMOTE_HOST:$REMOTE_PORT"; echo again');
  const wish = { endpoint: "udp://127.0.0.1:0", listen: { type: "dgram" }, program } as const;
  await using started = await startServices([serviceOf(wish)]);
  using socket = await connect(started.endpoint);
  const { port } = socket.localAddress as { port: number };
  await socket.send("hello");
  expect((await socket.recv(100, { timeoutMs: PATIENCE_MS })).toString()).toBe(`hello from 127.0.0.1:${port}\n`);
  expect((await socket.recv(100, { timeoutMs: PATIENCE_MS })).toString()).toBe("again\n");
  await started.seen("EXIT");
});

it("1,000 connections one after the other leave no zombie and no descriptor", async () => {
  await using started = await startServices([serviceOf({ program: { path: "/bin/true", argv: ["true"] } })]);
  expect(await ask(started.endpoint)).toBe("");
  await started.seen("EXIT");
  const before = openThings();
  const count = 1000;
  for (let i = 0; i < count; i++) await ask(started.endpoint);
  await started.seen("EXIT", count + 1);
  expect(children()).toEqual([]);
  await until(() => openThings().size === before.size, PATIENCE_MS);
  expect(started.records.filter(({ entry }) => entry === "EXIT").every(({ status }) => status === 0)).toBe(true);
  expect(started.inetd.services[0]).toMatchObject({ started: count + 1, running: 0, state: "listening" });
}, 60_000);
