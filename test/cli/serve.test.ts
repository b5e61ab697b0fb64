/** `portolan serve`: one service under each design, as scripts start it. */
import { once } from "node:events";
import { readdirSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { designs } from "portolan/server";
import { describe, expect, it } from "vitest";
import { echoOfDatagram, echoOfStream } from "./echoes.ts";
import { portolan, scratchFolder, shell, start } from "./portolan.ts";

const UNAVAILABLE = 69;
const LISTEN = ["tcp://127.0.0.1:0", "udp://127.0.0.1:0"];

/** Every design, at each place where it can run. */
const placements = designs.flatMap(({ name, placements }) =>
  placements.map((placement) => ({ design: name, args: placement === "node" ? ["--in-node"] : [] })),
);

describe("portolan serve echo", () => {
  it.each(placements)("serves under $design $args and stops cleanly", async ({ design, args }) => {
    const listen = LISTEN.flatMap((endpoint) => ["--listen", endpoint]);
    await using program = start(["serve", "echo", "--design", design, ...args, ...listen, "--json"]);
    const [tcp, udp] = await program.listening(2);
    const [first] = program.stdout.split("\n");
    expect(JSON.parse(first ?? "")).toMatchObject({
      event: "listening",
      service: "echo",
      design,
      endpoint: expect.stringMatching(/^tcp:\/\/127\.0\.0\.1:\d+$/),
      pid: program.pid,
    });
    expect(await echoOfStream(tcp?.endpoint ?? "", "a stream")).toBe("a stream");
    expect(await echoOfDatagram(udp?.endpoint ?? "", "a datagram")).toBe("a datagram");
    program.signal("SIGINT");
    expect(await program.end()).toMatchObject({ status: 0, stderr: "" });
    expect(program.events().at(-1)).toMatchObject({ event: "stopped", accepted: 1, datagramsIn: 1, bytesIn: 18 });
  });

  it("serves on a unix socket, whose file goes with it", async () => {
    using scratch = scratchFolder();
    const listen = `unix://${scratch.path}/echo.sock`;
    await using program = start(["serve", "echo", "--listen", listen, "--json"]);
    const [listening] = await program.listening(1);
    expect(listening?.endpoint).toBe(listen);
    expect(await echoOfStream(listen, "hello")).toBe("hello");
    program.signal("SIGTERM");
    expect(await program.end()).toMatchObject({ status: 0, stderr: "" });
    expect(readdirSync(scratch.path)).toEqual([]);
  });

  it("serves on an abstract unix socket, with commands that work when pasted", async () => {
    const listen = `unix://@portolan-test-${process.pid}`;
    await using program = start(["serve", "echo", "--listen", listen, "--json"]);
    const [listening] = await program.listening(1);
    expect(listening?.endpoint).toBe(listen);
    const trials = (listening?.try ?? []).filter(({ installed }) => installed);
    expect(trials.map(({ program: peer }) => peer)).toContain("portolan");
    for (const { command } of trials) expect(await shell(command), command).toMatchObject({ stdout: "hello\n" });
    program.signal("SIGTERM");
    expect(await program.end()).toMatchObject({ status: 0, stderr: "" });
  });

  it("goes on when the script that started it has read the endpoint and closed the pipe", async () => {
    await using program = start(["serve", "echo", "--listen", "tcp://127.0.0.1:0", "--json"]);
    const [listening] = await program.listening(1);
    program.closeOutput();
    expect(await echoOfStream(listening?.endpoint ?? "", "hello")).toBe("hello");
    program.signal("SIGINT");
    await program.end();
    expect(program.stderr).toBe("");
  });

  it("says for people where it listens and what to type", async () => {
    await using program = start(["serve", "echo", "--listen", "tcp://127.0.0.1:0"]);
    await program.until("its last line", () => program.stdout.includes("Ctrl-C stops.\n") || undefined);
    expect(program.stdout).toMatch(/^echo {2}.*design epoll$/m);
    expect(program.stdout).toMatch(/^ {6}node dist\/cli\/main\.js call echo tcp:\S+ --message hello$/m);
    program.signal("SIGINT");
    expect(await program.end()).toMatchObject({ status: 0, stdout: expect.stringMatching(/\nstopped\n$/) });
  });

  it("obeys a limit", async () => {
    const args = ["--listen", "udp://127.0.0.1:0", "--limit", "maxDatagramBytes=4", "--json"];
    await using program = start(["serve", "echo", ...args]);
    const [listening] = await program.listening(1);
    expect(await echoOfDatagram(listening?.endpoint ?? "", "123456")).toBe("1234");
    program.signal("SIGINT");
    await program.end();
  });

  it("has room on its old port at once after connections were closed by it", async () => {
    let listen = "tcp://127.0.0.1:0";
    for (let round = 0; round < 2; round += 1) {
      await using program = start(["serve", "echo", "--listen", listen, "--json"]);
      const [listening] = await program.listening(1);
      listen = listening?.endpoint ?? "";
      expect(await echoOfStream(listen, "hello")).toBe("hello");
      program.signal("SIGINT");
      expect(await program.end()).toMatchObject({ status: 0 });
    }
  });
});

describe("portolan serve, where it cannot", () => {
  it("says that another program holds the port, and which", async () => {
    await using holder = start(["serve", "echo", "--listen", "tcp://127.0.0.1:0", "--json"]);
    const [held] = await holder.listening(1);
    const { status, stderr } = await portolan(["serve", "echo", "--listen", held?.endpoint ?? ""]);
    expect(status).toBe(UNAVAILABLE);
    expect(stderr).toMatch(
      /^portolan serve: .*EADDRINUSE 127\.0\.0\.1:\d+: .*; end that, or choose another with --listen/,
    );
    expect(stderr).toContain(`held by pid ${holder.pid} `);
    expect(stderr.trimEnd().split("\n")).toHaveLength(1);
    holder.signal("SIGINT");
    await holder.end();
  });

  it("stops what it has started before it fails", async () => {
    await using held = createServer().listen(0, "127.0.0.1");
    await once(held, "listening");
    const { port } = held.address() as AddressInfo;
    const args = ["--listen", "tcp://127.0.0.1:0", "--listen", `tcp://127.0.0.1:${port}`, "--json"];
    expect(await portolan(["serve", "echo", ...args])).toMatchObject({ status: UNAVAILABLE, stdout: "" });
  });

  it("says which address is not of this machine", async () => {
    // RFC 5737: an address for documentation, which no interface has.
    const { status, stderr } = await portolan(["serve", "echo", "--listen", "tcp://192.0.2.1:0"]);
    expect(status).toBe(UNAVAILABLE);
    expect(stderr).toMatch(/EADDRNOTAVAIL 192\.0\.2\.1/);
  });

  it("says which folder of a unix socket is missing", async () => {
    const { status, stderr } = await portolan(["serve", "echo", "--listen", "unix:///nowhere/at/all.sock"]);
    expect(status).toBe(UNAVAILABLE);
    expect(stderr).toMatch(/ENOENT \/nowhere\/at\/all\.sock/);
  });
});
