/** Answers to datagrams: to whom they are meant, whatever becomes of a timer that gives them, and counted if they left. */
import { connect } from "portolan";
import { closeThreadReactor } from "portolan/reactor";
import { designs, serve } from "portolan/server";
import { afterAll, expect, it } from "vitest";
import { until } from "../support/until.ts";

afterAll(closeThreadReactor);

const PATIENCE_MS = 30_000;
const late = {
  url: new URL("../fixtures/server/late-service.mjs", import.meta.url).href,
  export: "lateAnswers",
  options: {},
};
const loops = designs
  .map(({ name }) => name)
  .filter((name) => /^(select|poll|epoll|epoll-et|uring|per-peer)$/.test(name));

it.each(loops)("an answer goes to who asked though the timer threw after it, under %s", async (design) => {
  await using server = await serve(late, { listen: "udp://127.0.0.1:0", design });
  using patient = await connect(server.endpoint);
  using other = await connect(server.endpoint);
  await patient.send("later");
  await until(() => server.counters().errors > 0);
  await other.send("mine");
  const heard = async (socket: typeof other): Promise<string> =>
    String(await socket.recv(1024, { timeoutMs: PATIENCE_MS }));
  expect([await heard(other), await heard(patient)]).toEqual(["mine", "late"]);
});

it.each(loops)("bytes that did not leave are not counted, under %s", async (design) => {
  await using server = await serve(late, { listen: "udp://127.0.0.1:0", design });
  using client = await connect(server.endpoint);
  await client.send("huge");
  await client.send("mine");
  expect(String(await client.recv(1024, { timeoutMs: PATIENCE_MS }))).toBe("mine");
  await until(() => server.counters().datagramsOut > 0);
  const { bytesOut, datagramsOut, datagramsDropped } = server.counters();
  expect({ bytesOut, datagramsOut, datagramsDropped }).toEqual({ bytesOut: 4, datagramsOut: 1, datagramsDropped: 1 });
});
