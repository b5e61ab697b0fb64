/** Metrics of a server, for Prometheus and for this program; and what its connections do, as it happens. */
import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { connect } from "portolan";
import { type DiagnosticMessages, metricsText, serve, serveMetrics } from "portolan/server";
import { findService } from "portolan/service";

const reference = findService("echo")!.reference(null);

async function say(endpoint: string, text: string): Promise<void> {
  using client = await connect(endpoint);
  await client.sendAll(text);
  await client.readExactly(text.length);
}

async function metrics(): Promise<void> {
  await using server = await serve(reference, { listen: "tcp://127.0.0.1:0", measureLoops: true });
  await using metrics = await serveMetrics({ listen: "tcp://127.0.0.1:0", servers: () => [server] });
  await say(server.endpoint, "hello");
  const scraped = await (await fetch(metrics.url as string)).text();
  // The same, for an HTTP server that is there already:
  const text = metricsText([server]);
  for (const found of [scraped, text]) console.log(/^portolan_received_bytes_total.* (\d+)$/m.exec(found)?.[1]);
}

async function events(): Promise<void> {
  const closed = new Promise<string>((resolve) => {
    const channel = "portolan:connection:close";
    subscribe(channel, function tell(message) {
      const { service, reason } = message as DiagnosticMessages["portolan:connection:close"];
      unsubscribe(channel, tell);
      resolve(`${service}: ${reason ?? "in order"}`);
    });
  });
  // In this thread, whose channels we listen to.
  await using server = await serve(reference, { listen: "tcp://127.0.0.1:0", placement: "node" });
  await say(server.endpoint, "hello");
  console.log(await closed);
}

await metrics();
await events();

// prints: 5
// prints: 5
// prints: echo: in order
