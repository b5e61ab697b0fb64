/**
 * A server of datagrams that is bound to all addresses answers from the one that was asked, under every design: a client
 * whose socket is connected takes an answer from nowhere else.
 */
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { connect } from "portolan";
import { closeThreadReactor } from "portolan/reactor";
import { designs, serve } from "portolan/server";
import { findService, type ServiceEntry } from "portolan/service";
import { afterAll, describe, expect, it } from "vitest";
import { namespaceRefusal, runInNamespace } from "../support/namespace.ts";

afterAll(closeThreadReactor);

const PATIENCE_MS = 30_000;
/** The broadcast address of the loopback's network, 127.0.0.0/8. */
const TO_ALL = "127.255.255.255";
const FEW_WORKERS = new Set(["pool", "prefork"]);
const echo = findService("echo") as ServiceEntry;

/** What comes back to a client that has connected its socket to this address. */
async function ask(host: string, port: number, question: string): Promise<string> {
  const written = host.includes(":") ? `[${host}]` : host;
  using socket = await connect(`udp://${written}:${port}`);
  await socket.send(question);
  return String(await socket.recv(1024, { timeoutMs: PATIENCE_MS }));
}

describe.each(designs.map(({ name }) => name))("%s", (design) => {
  const workers = FEW_WORKERS.has(design) ? { workers: 1 } : {};

  it.each([
    { listen: "udp://0.0.0.0:0", hosts: ["127.0.0.1", "127.0.0.2", "127.9.9.9"] },
    // Of both families: an IPv4 client is a mapped address there.
    { listen: "udp://[::]:0", hosts: ["::1", "127.0.0.2"] },
    // Bound to one address, it answers from that.
    { listen: "udp://127.0.0.2:0", hosts: ["127.0.0.2"] },
  ])("answers at $listen from the address that was asked", async ({ listen, hosts }) => {
    await using server = await serve(echo.reference(), { listen, design, ...workers });
    const port = Number(server.endpoint.split(":").at(-1));
    for (const host of hosts) expect(await ask(host, port, `hello ${host}`)).toBe(`hello ${host}`);
  });

  it.each(["udp://0.0.0.0:0", "udp://[::]:0"])("answers at %s what was said to all", async (listen) => {
    await using server = await serve(echo.reference(), { listen, design, ...workers });
    const client = createSocket("udp4");
    try {
      client.bind(0, "127.0.0.1");
      await once(client, "listening");
      client.setBroadcast(true);
      const answered = once(client, "message", { signal: AbortSignal.timeout(PATIENCE_MS) });
      client.send("hello all", Number(server.endpoint.split(":").at(-1)), TO_ALL);
      expect(String((await answered)[0])).toBe("hello all");
    } finally {
      client.close();
      await once(client, "close");
    }
  });
});

it("tells a client in Node the address that it has asked", async () => {
  await using server = await serve(echo.reference(), { listen: "udp://0.0.0.0:0" });
  const client = createSocket("udp4");
  try {
    const answered = once(client, "message", { signal: AbortSignal.timeout(PATIENCE_MS) });
    client.send("hello", Number(server.endpoint.split(":").at(-1)), "127.0.0.3");
    const [message, { address }] = (await answered) as [Buffer, { address: string }];
    expect([String(message), address]).toEqual(["hello", "127.0.0.3"]);
  } finally {
    client.close();
    await once(client, "close");
  }
});

it("answers from several addresses of IPv6, which a network of its own has", async (context) => {
  const refusal = namespaceRefusal();
  if (refusal !== undefined) context.skip(refusal);
  const module = new URL("../fixtures/namespace/asked-address.mjs", import.meta.url);
  expect(await runInNamespace(module)).toEqual({
    "epoll ::1": "hello",
    "epoll fd00::2": "hello",
    "epoll fd00::3": "hello",
    "thread ::1": "hello",
    "thread fd00::2": "hello",
    "thread fd00::3": "hello",
  });
});
