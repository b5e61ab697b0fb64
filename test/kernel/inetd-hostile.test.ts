/** Clients that mean harm, or are merely broken, cost the super-server nothing that it does not get back. */
import { connect, Socket } from "portolan";
import { closeThreadReactor, threadReactor } from "portolan/reactor";
import { afterAll, expect, it } from "vitest";
import { ask, children, configOf, PATIENCE_MS, serviceOf, shell, startServices } from "../support/inetd-kit.ts";
import { leftBehind, openThings } from "../support/leaks.ts";
import { until } from "../support/until.ts";

afterAll(() => closeThreadReactor());

const UDP = { endpoint: "udp://127.0.0.1:0", listen: { type: "dgram" } } as const;
const LINGER_RESET = { enabled: true, seconds: 0 };

it("two hundred resets, half of them before anybody has read, leave no program and no descriptor", async () => {
  // Which every test of this file has from here on.
  threadReactor();
  const before = openThings();
  {
    await using started = await startServices([serviceOf({ limits: { instances: 8 } }), serviceOf({ id: "next" })]);
    for (let i = 0; i < 200; i++) {
      using socket = await connect(started.endpoint, { timeoutMs: PATIENCE_MS });
      socket.setOption("SO_LINGER", LINGER_RESET);
      if (i % 2 === 0)
        await socket.send("x").catch((error: unknown) => expect(error).toMatchObject({ syscall: /send/ }));
    }
    await until(() => started.inetd.services[0]?.running === 0, PATIENCE_MS);
    expect(children()).toEqual([]);
    expect(await ask(started.endpoint, "hello\n")).toBe("hello\n");
    expect(await ask(started.inetd.services[1]?.endpoint ?? "", "hello\n")).toBe("hello\n");
  }
  expect(await leftBehind(before, PATIENCE_MS)).toEqual([]);
});

it("who connects and says nothing holds what the limits allow, and other services are served", async () => {
  await using started = await startServices([serviceOf({ limits: { instances: 5 } }), serviceOf({ id: "other" })]);
  const silent: Socket[] = [];
  for (let i = 0; i < 20; i++) silent.push(await connect(started.endpoint, { timeoutMs: PATIENCE_MS }));
  await started.seen("FAIL", 15);
  expect(started.inetd.services[0]).toMatchObject({ running: 5, refused: 15 });
  expect(await ask(started.inetd.services[1]?.endpoint ?? "", "hello\n")).toBe("hello\n");
  for (const socket of silent) socket.close();
  await until(() => started.inetd.services[0]?.running === 0, PATIENCE_MS);
  expect(await ask(started.endpoint, "hello\n")).toBe("hello\n");
});

it("a banner is not waited for by who is sent it, nor an answer by who never reads", async () => {
  await using started = await startServices([
    serviceOf({ serves: { kind: "builtin", service: "chargen", options: null, design: undefined } }),
    serviceOf({ id: "other" }),
  ]);
  const deaf = await connect(started.endpoint, { timeoutMs: PATIENCE_MS });
  expect(await ask(started.inetd.services[1]?.endpoint ?? "", "hello\n")).toBe("hello\n");
  await started.inetd.reload(configOf(serviceOf({ id: "other", endpoint: "tcp://127.0.0.1:0" })));
  deaf.close();
});

it("datagrams of every length, from nobody's names as well, are answered or dropped", async () => {
  const program = shell("dd bs=70000 count=1 2>/dev/null | wc -c");
  const path = `unix+dgram://@portolan-inetd-hostile-${process.pid}`;
  await using started = await startServices([
    serviceOf({ ...UDP, program }),
    serviceOf({ id: "unix", endpoint: path, listen: { type: "dgram" }, program }),
  ]);
  using socket = await connect(started.endpoint);
  for (const length of [0, 1, 1400, 65_507]) {
    await socket.send(Buffer.alloc(length, "x"));
    expect((await socket.recv(100, { timeoutMs: PATIENCE_MS })).toString().trim()).toBe(String(length));
  }
  // A unix socket without a name cannot be answered, and its program ends all the same.
  using nameless = new Socket("unix", "dgram");
  await nameless.sendTo("hello", path);
  await started.seen("EXIT", 5);
  expect(started.records.filter(({ entry }) => entry === "NOTE")).toEqual([]);
});

it("a program that answers a datagram without end is cut off", async () => {
  await using started = await startServices([
    serviceOf({ ...UDP, program: shell("while echo x; do :; done 2>/dev/null") }),
  ]);
  using socket = await connect(started.endpoint);
  await socket.send("hello");
  await started.seen("EXIT");
  let answers = 0;
  while (await socket.recv(100, { timeoutMs: 200 }).catch(() => undefined)) answers++;
  expect(answers).toBeGreaterThan(0);
  expect(answers).toBeLessThanOrEqual(64);
});
