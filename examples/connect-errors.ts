/** How connecting fails, and what the errors say. */
import { connect, isSystemError, listen, Socket } from "portolan";

async function report(attempt: () => Promise<unknown>): Promise<void> {
  try {
    await attempt();
  } catch (error) {
    if (!isSystemError(error)) throw error;
    console.log(error.message);
  }
}

// A port that was just given back: nothing listens there.
const listener = await listen("tcp://127.0.0.1:0");
const { port } = listener.localAddress as { port: number };
listener.close();
await report(() => connect(`tcp://127.0.0.1:${port}`));

// A listener whose queue is full, and a caller who waits no longer than this.
using busy = new Socket("inet", "stream");
busy.bind("tcp://127.0.0.1:0");
busy.listen(0);
const { port: busyPort } = busy.localAddress as { port: number };
using _first = await connect(`tcp://127.0.0.1:${busyPort}`);
await report(() => connect(`tcp://127.0.0.1:${busyPort}`, { timeoutMs: 100 }));

// An address of no interface here.
await report(() => listen("tcp://192.0.2.1:80"));

// prints: connect ECONNREFUSED 127.0.0.1:<port> from 127.0.0.1:<port>: nothing listens there
// prints: connect ETIMEDOUT 127.0.0.1:<port> from 127.0.0.1:<port>: the caller's limit of <limit> ms has passed
// prints: bind EADDRNOTAVAIL 192.0.2.1:80: no interface of this machine has this address
