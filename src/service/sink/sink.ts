/**
 * The byte sink: a server that stops before each of its calls, so that one can watch what the kernel does without it.
 * Before `listen` a connection is refused; after it, and before any `accept`, connections are complete and data arrives;
 * before `recv` the data waits, and a sender that sends on fills first this queue, then its own.
 *
 * It is a script over sockets and no protocol: what it shows is the moments between the calls, which a protocol has not.
 */
import { setTimeout as delay } from "node:timers/promises";
import { formatAddress, isSystemError, parseEndpoint, Socket } from "../../socket/index.ts";
import type { ClientEvent } from "../client.ts";
import { bytesText } from "../client-io.ts";
import { socketsOfPort, type TcpRow } from "./kernel-table.ts";
import type { Step } from "./steps.ts";

/** How much of what was received is shown. */
const SHOWN_BYTES = 40;

/** Where the byte sink listens, and who tells it to take the next step. */
export interface SinkOptions {
  /** Where, such as `tcp://127.0.0.1:8080`. */
  readonly listen: string;
  readonly backlog: number;
  /** SO_REUSEADDR. Without it a rerun is refused while a connection of the last run is in TIME_WAIT. */
  readonly reuse: boolean;
  /** Room of a `recv` that does not say how much. */
  readonly receiveBytes: number;
  /** The next step; undefined ends the script, and the sink. Before it is asked, everything has been said. */
  next(): Promise<Step | undefined>;
  /** Told of each call and of what the kernel has done. */
  readonly say: (event: ClientEvent) => void;
  readonly signal: AbortSignal;
}

/**
 * Binds, then takes a step at a time: listen, accept, each recv, close.
 * @throws SystemError of bind (EADDRINUSE …) and of the later calls; RangeError for an endpoint that is not TCP.
 */
export async function runSink(options: SinkOptions): Promise<void> {
  using sink = new Sink(options);
  sink.bind();
  for (;;) {
    sink.look();
    const step = await options.next();
    options.signal.throwIfAborted();
    if (step === undefined || !(await sink.take(step))) return;
  }
}

type Call = "accept" | "close" | "listen" | "recv";

class Sink implements Disposable {
  readonly #options: SinkOptions;
  readonly #listener: Socket;
  #connection: Socket | undefined;
  #port = 0;
  #next: Call = "listen";

  constructor(options: SinkOptions) {
    const { transport, family, type, protocol } = parseEndpoint(options.listen);
    if (transport !== "tcp") throw new RangeError(`the sink watches TCP; ${options.listen} is no tcp:// endpoint`);
    this.#options = options;
    this.#listener = new Socket(family, type, protocol);
  }

  bind(): void {
    if (this.#options.reuse) this.#listener.reuseAddress = true;
    const { address } = parseEndpoint(this.#options.listen);
    try {
      this.#listener.bind(address);
    } catch (error) {
      // Who has the address is the lesson.
      this.#port = "port" in address ? (address.port as number) : 0;
      if (isSystemError(error, "EADDRINUSE")) this.look();
      throw error;
    }
    const { localAddress } = this.#listener;
    this.#port = "port" in localAddress ? (localAddress.port as number) : 0;
    const text = `bind ${formatAddress(localAddress)} = 0${this.#options.reuse ? ", with SO_REUSEADDR" : ""}`;
    this.#say("bind", text, { address: formatAddress(localAddress), port: this.#port });
  }

  /** Says what the kernel has done by now, and what comes next. */
  look(): void {
    const rows = socketsOfPort(this.#port);
    const fields = rows.map(({ state, local, remote, txQueue, rxQueue }) => ({
      state,
      local: endText(local),
      remote: endText(remote),
      txQueue,
      rxQueue,
    }));
    this.#options.say({
      name: "kernel",
      text: describeRows(rows, this.#port),
      fields: { next: this.#next, sockets: fields },
    });
  }

  /** @returns false once there is nothing left to do. */
  async take(step: Step): Promise<boolean> {
    switch (step.do) {
      case "quit":
        return false;
      case "show":
        return true;
      case "wait":
        await delay(step.ms, undefined, { signal: this.#options.signal });
        return true;
      case "next":
        return await this.#call(this.#next, undefined);
      case "recv":
        return await this.#call("recv", step.bytes);
      default:
        return await this.#call(step.do, undefined);
    }
  }

  [Symbol.dispose](): void {
    this.#connection?.close();
    this.#listener.close();
  }

  async #call(call: Call, bytes: number | undefined): Promise<boolean> {
    if (call === "listen") this.#listen();
    else if (call === "accept") await this.#accept();
    else if (call === "recv") await this.#receive(bytes ?? this.#options.receiveBytes);
    else return this.#close();
    return true;
  }

  #listen(): void {
    this.#listener.listen(this.#options.backlog);
    this.#say("listen", `listen backlog ${this.#options.backlog} = 0`, { backlog: this.#options.backlog });
    this.#next = "accept";
  }

  async #accept(): Promise<void> {
    const connection = await this.#listener.accept({ signal: this.#options.signal });
    // Linux lets a listener have an address beside a TIME_WAIT only if both had SO_REUSEADDR. The connection gets it
    // here, so that on a rerun the new listener's choice alone decides.
    connection.reuseAddress = true;
    this.#connection?.close();
    this.#connection = connection;
    const { remoteAddress } = connection;
    const peer = remoteAddress === undefined ? "a peer that is gone" : formatAddress(remoteAddress);
    this.#say("accept", `accept = a connection from ${peer}`, { peer });
    this.#next = "recv";
  }

  async #receive(room: number): Promise<void> {
    if (this.#connection === undefined) throw new RangeError("recv needs a connection: accept one first");
    const bytes = await this.#connection.recv(room, { signal: this.#options.signal });
    const data = bytes.toString("latin1", 0, SHOWN_BYTES);
    const shown =
      bytes.length === 0
        ? " (the peer has ended)"
        : `: ${JSON.stringify(data)}${bytes.length > SHOWN_BYTES ? " …" : ""}`;
    this.#say("recv", `recv ${room} = ${bytes.length}${shown}`, { room, bytes: bytes.length, data });
    if (bytes.length === 0) this.#next = "close";
  }

  /** The connection, and after it the listener. */
  #close(): boolean {
    const what = this.#connection === undefined ? "the listener" : "the connection";
    (this.#connection ?? this.#listener).close();
    this.#say("close", `close ${what} = 0`, { what });
    const isOver = this.#connection === undefined;
    this.#connection = undefined;
    this.#next = "accept";
    return !isOver;
  }

  #say(name: string, text: string, fields: ClientEvent["fields"]): void {
    this.#options.say({ name, text, fields });
  }
}

/** One line for each socket, in words. */
function describeRows(rows: readonly TcpRow[], port: number): string {
  if (rows.length === 0) return `    nothing at port ${port}: who connects now is refused`;
  return rows.map((row) => `    ${describeRow(row, port)}`).join("\n");
}

function describeRow({ state, local, remote, rxQueue, txQueue }: TcpRow, port: number): string {
  if (state === "LISTEN") {
    const waiting = rxQueue === 1 ? "1 connection waits" : `${rxQueue} connections wait`;
    return `LISTEN       ${endText(local)}  ${waiting} to be accepted`;
  }
  const side = local.port === port ? "here " : "there";
  const queues = `Rx ${bytesText(rxQueue)}, Tx ${bytesText(txQueue)}`;
  return `${state.padEnd(12)} ${side} ${endText(local)} -> ${endText(remote)}  ${queues}`;
}

function endText({ address, port }: TcpRow["local"]): string {
  return address.includes(":") ? `[${address}]:${port}` : `${address}:${port}`;
}
