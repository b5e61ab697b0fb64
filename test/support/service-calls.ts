/** The clients of services, called in this process as `portolan call` calls them, and what they said. */
import { type ClientEvent, findService } from "portolan/service";

const PATIENCE_MS = 30_000;

export interface Called {
  readonly status: number;
  /** What the client printed, one character a byte. */
  readonly text: string;
  readonly events: readonly ClientEvent[];
  readonly problems: readonly ClientEvent[];
}

export interface CallWish {
  /** By the names of the client's options, as they are parsed. */
  readonly options?: Readonly<Record<string, unknown>>;
  /** Standard input. */
  readonly input?: string;
  readonly timeoutMs?: number;
}

export async function callService(
  name: string,
  endpoint: string,
  { options = {}, input = "", timeoutMs = PATIENCE_MS }: CallWish = {},
): Promise<Called> {
  const entry = findService(name);
  if (entry === undefined) throw new Error(`there is no service ${name}`);
  const client = await entry.client();
  const events: ClientEvent[] = [];
  const problems: ClientEvent[] = [];
  let text = "";
  const status = await client.call({
    endpoint,
    input: (async function* () {
      if (input !== "") yield Buffer.from(input, "latin1");
    })(),
    output: {
      data(bytes) {
        text += Buffer.from(bytes).toString("latin1");
        return Promise.resolve();
      },
      event: (event) => events.push(event),
      problem: (event) => problems.push(event),
    },
    signal: AbortSignal.timeout(PATIENCE_MS),
    timeoutMs,
    options,
  });
  return { status, text, events, problems };
}
