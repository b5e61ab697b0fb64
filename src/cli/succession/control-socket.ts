/**
 * How `portolan reload PID` asks a server to reload, and hears what came of it: a unix socket whose abstract name has the
 * process id. It leaves no file. Abstract names know no permissions, so each end looks who the other is (SO_PEERCRED,
 * unix(7)): the server answers its own user and root, and the command speaks with that process only.
 */
import { connect, isSystemError, listen, type Socket } from "../../socket/index.ts";

/** Who asks at a time; others wait in the kernel. */
const MAX_CLIENTS = 8;
const REQUEST_TIMEOUT_MS = 5000;
/** The answer comes when a successor has started, or has failed to. */
const ANSWER_TIMEOUT_MS = 120_000;
const MAX_LINE_BYTES = 64 * 1024;
const REQUEST = "reload\n";

/** What came of a reload. */
export type Outcome = { readonly successor: number } | { readonly failed: string };

function endpointOf(pid: number): string {
  return `unix://@portolan-control-${pid}`;
}

export class ControlSocket {
  readonly #listener: Socket;
  readonly #reload: () => Promise<Outcome>;
  readonly #closing = new AbortController();
  #clients = 0;

  private constructor(listener: Socket, reload: () => Promise<Outcome>) {
    this.#listener = listener;
    this.#reload = reload;
    void this.#serve();
  }

  /** @returns undefined where the name is taken, by a process with the same id in another container: signals do then. */
  static async open(reload: () => Promise<Outcome>): Promise<ControlSocket | undefined> {
    try {
      return new ControlSocket(await listen(endpointOf(process.pid), { backlog: MAX_CLIENTS }), reload);
    } catch (error) {
      if (isSystemError(error)) return undefined;
      throw error;
    }
  }

  close(): void {
    this.#closing.abort();
    this.#listener.close();
  }

  async #serve(): Promise<void> {
    const { signal } = this.#closing;
    while (!signal.aborted) {
      try {
        const client = await this.#listener.accept({ signal });
        if (this.#clients >= MAX_CLIENTS || !isTrusted(client)) client.close();
        else void this.#answer(client);
      } catch {
        // Closed, or out of descriptors: signals are heard still.
        return;
      }
    }
  }

  async #answer(client: Socket): Promise<void> {
    this.#clients++;
    try {
      const limits = { maxBytes: REQUEST.length, timeoutMs: REQUEST_TIMEOUT_MS, signal: this.#closing.signal };
      const request = await client.readUntil("\n", limits);
      if (request?.toString() === REQUEST) await client.sendAll(`${JSON.stringify(await this.#reload())}\n`);
    } catch {
      // Whoever asked is gone, or did not ask.
    } finally {
      client.close();
      this.#clients--;
    }
  }
}

function isTrusted(client: Socket): boolean {
  const uid = client.peerCredentials?.uid;
  return uid === 0 || uid === process.geteuid?.();
}

/**
 * Asks a process to reload.
 * @throws SystemError ECONNREFUSED where no server has that process id; Error where another process has its name.
 */
export async function requestReload(pid: number): Promise<Outcome> {
  using server = await connect(endpointOf(pid));
  const found = server.peerCredentials?.pid;
  if (found !== pid) throw new Error(`the control socket of process ${pid} is held by process ${found}, an impostor`);
  await server.sendAll(REQUEST);
  const answer = await server.readUntil("\n", { maxBytes: MAX_LINE_BYTES, timeoutMs: ANSWER_TIMEOUT_MS });
  if (answer === undefined) return { failed: "it has ended meanwhile, or does not answer this user" };
  return JSON.parse(answer.toString()) as Outcome;
}
