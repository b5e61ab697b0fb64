/**
 * One thread, and a socket for each peer: of streams that is what accept(2) gives, and of datagrams it is made for whoever
 * comes, as TFTP does for each transfer. What belongs to one peer is then one descriptor, which has a queue of its own, ends
 * when nothing has come for a while, and hears of it (ECONNREFUSED, udp(7)) when the peer is gone.
 */
import { createReactor } from "../../reactor/index.ts";
import { serveOnReactor } from "../evented.ts";
import { PeerSocketServer } from "../peer-sockets.ts";
import type { RunningTask, ServerDesign } from "../task.ts";
import { startThread } from "../thread.ts";

export const perPeer: ServerDesign = {
  name: "per-peer",
  summary: "one loop, and a socket for each peer, of datagrams too",
  cost: "as epoll for streams; a descriptor, and five system calls, for each peer of datagrams, forged ones included, until it is idle for long",
  suits: "datagrams that make a conversation, as those of TFTP do: one peer's flood fills its own queue only",
  kinds: ["stream", "datagram"],
  placements: ["thread"],
  start: (task) => startThread("per-peer", task),
  run: runLoop,
};

function runLoop(task: RunningTask, serving: () => void): void {
  const reactor = createReactor("epoll");
  serveOnReactor(reactor, task, () => reactor.stop(), PeerSocketServer);
  serving();
  reactor.run();
  reactor.dispose();
}
