/**
 * A counter over lines of text, shared by all clients: the smallest thing that a race can break.
 *
 * `add`, or `add N`, adds one or N and answers the new total; `read` answers the total; `quit` leaves. Where the total
 * lives, and whether an addition can be lost, is not the conversation's business: it has a {@link CounterStore}, which
 * answers at once, or asks the counter's owner, whose answer comes later ({@link ownedCounterStream}).
 */
import { HELD_BY_OUTPUT, HELD_BY_REQUEST, type LineHandler, LineInbox } from "./line-inbox.ts";
import type { Resource, ResourceAnswer, ResourceValue } from "./resource.ts";
import type {
  SharedStreamIntents,
  SharedStreamProtocol,
  SharedStreamProtocolFactory,
  StreamIntents,
  StreamProtocol,
  StreamProtocolFactory,
} from "./stream.ts";

/** The longest line that is looked at. */
export const COUNTER_MAX_LINE_BYTES = 80;
/** The most that one line adds; at this pace the total stays exact for longer than any server runs. */
export const COUNTER_MAX_AMOUNT = 1000;
/** The name of the counter among a service's resources. */
export const COUNTER_RESOURCE = "counter";

const HELP = `Type "add", "add N" (N from 1 to ${COUNTER_MAX_AMOUNT}), "read" or "quit".`;

const encoder = new TextEncoder();

/** A total that answers at once. */
export interface CounterStore {
  /** Adds an amount, and gives the new total, or what seemed to be it. */
  add(amount: number): number;
  /** Gives the total. */
  read(): number;
}

type Command = { readonly op: "add"; readonly amount: number } | { readonly op: "help" | "quit" | "read" };

/** The counter over a stream, in a store that answers at once. */
export function counterStream(store: CounterStore): StreamProtocolFactory {
  return () => new StoreConversation(store);
}

/** How additions are made. */
export interface OwnedCounterOptions {
  /** Asks for the total, and then to write the new one: two requests, and others' may come between them. */
  readonly isUnsafe?: boolean;
}

/** The counter over a stream, in the hands of an owner who is asked: a {@link counterResource}. */
export function ownedCounterStream({ isUnsafe = false }: OwnedCounterOptions = {}): SharedStreamProtocolFactory {
  return () => new OwnerConversation(isUnsafe);
}

/** The total, with an owner who handles one request after the other: `add` whole, or `read` and `write`. */
export function counterResource(): Resource {
  let total = 0;
  return {
    handle(body): ResourceAnswer {
      const { op, amount } = asRecord(body);
      if (op === "read") return { value: total };
      if (!Number.isSafeInteger(amount)) return { value: { refused: "a counter takes read, add and write" } };
      if (op === "add") total += amount as number;
      // A write looks at nothing: that is the mistake that the unsafe counter shows.
      else if (op === "write") total = amount as number;
      else return { value: { refused: `a counter does not ${String(op)}` } };
      return { value: total };
    },
  };
}

/** What both conversations have in common: lines, and answers in their order. */
abstract class CounterConversation<Intents extends StreamIntents> implements LineHandler<Intents> {
  protected readonly inbox = new LineInbox<Intents>(this, COUNTER_MAX_LINE_BYTES);

  get awaitsRequest(): boolean {
    return !this.inbox.hasBegun;
  }

  data(out: Intents, bytes: Uint8Array, start: number, end: number): void {
    this.inbox.data(out, bytes, start, end);
  }

  end(out: Intents): void {
    this.inbox.end(out);
  }

  writable(out: Intents): void {
    this.inbox.release(out, HELD_BY_OUTPUT);
  }

  line(out: Intents, line: string): void {
    const command = parseLine(line);
    if (command.op === "add") this.add(out, command.amount);
    else if (command.op === "read") this.read(out);
    else if (command.op === "help") this.say(out, HELP);
    else this.ended(out);
  }

  tooLong(out: Intents): void {
    this.say(out, `That line is too long: ${COUNTER_MAX_LINE_BYTES} bytes at most.`);
  }

  ended(out: Intents): void {
    this.inbox.close();
    out.end();
  }

  protected abstract add(out: Intents, amount: number): void;
  protected abstract read(out: Intents): void;

  protected say(out: Intents, text: string): void {
    if (!out.write(encoder.encode(`${text}\r\n`))) this.inbox.hold(HELD_BY_OUTPUT);
  }
}

class StoreConversation extends CounterConversation<StreamIntents> implements StreamProtocol {
  readonly #store: CounterStore;

  constructor(store: CounterStore) {
    super();
    this.#store = store;
  }

  protected override add(out: StreamIntents, amount: number): void {
    this.say(out, `${this.#store.add(amount)}`);
  }

  protected override read(out: StreamIntents): void {
    this.say(out, `${this.#store.read()}`);
  }
}

class OwnerConversation extends CounterConversation<SharedStreamIntents> implements SharedStreamProtocol {
  readonly shared = true;
  readonly #isUnsafe: boolean;
  /** What is to be added to the answer that is awaited: the first half of an unsafe addition. */
  #amount: number | undefined;

  constructor(isUnsafe: boolean) {
    super();
    this.#isUnsafe = isUnsafe;
  }

  response(out: SharedStreamIntents, _id: number, value: ResourceValue): void {
    if (typeof value !== "number") {
      out.abort(`the counter's owner refused: ${JSON.stringify(value)}`);
      return;
    }
    if (this.#amount !== undefined) {
      const total = value + this.#amount;
      this.#amount = undefined;
      this.#ask(out, { op: "write", amount: total });
      return;
    }
    this.say(out, `${value}`);
    this.inbox.release(out, HELD_BY_REQUEST);
  }

  protected override add(out: SharedStreamIntents, amount: number): void {
    if (this.#isUnsafe) this.#amount = amount;
    this.#ask(out, this.#isUnsafe ? { op: "read" } : { op: "add", amount });
  }

  protected override read(out: SharedStreamIntents): void {
    this.#ask(out, { op: "read" });
  }

  #ask(out: SharedStreamIntents, body: ResourceValue): void {
    this.inbox.hold(HELD_BY_REQUEST);
    out.request(COUNTER_RESOURCE, body);
  }
}

function parseLine(line: string): Command {
  const [word = "", amount = "1", ...more] = line.trim().toLowerCase().split(/\s+/);
  if (word === "quit") return { op: "quit" };
  if (word === "read") return { op: "read" };
  const isAmount = /^\d{1,4}$/.test(amount) && Number(amount) >= 1 && Number(amount) <= COUNTER_MAX_AMOUNT;
  return word === "add" && isAmount && more.length === 0 ? { op: "add", amount: Number(amount) } : { op: "help" };
}

function asRecord(body: ResourceValue): { readonly [key: string]: ResourceValue } {
  return typeof body === "object" && body !== null && !Array.isArray(body)
    ? (body as { readonly [key: string]: ResourceValue })
    : {};
}
