/** One service, any design: what a C course writes again for select, for threads and for epoll. */
import { connect } from "portolan";
import { serve } from "portolan/server";

for (const design of ["iterative", "select", "poll", "epoll", "epoll-et"]) {
  const service = { url: import.meta.resolve("portolan/service"), export: "echo", options: null };
  await using server = await serve(service, { listen: "tcp://127.0.0.1:0", design });
  using client = await connect(server.endpoint, { timeoutMs: 5000 });
  await client.sendAll(`by ${design}`);
  client.shutdown("write");
  console.log(String(await client.readExactly(`by ${design}`.length)));
}

// prints: by iterative
// prints: by select
// prints: by poll
// prints: by epoll
// prints: by epoll-et
