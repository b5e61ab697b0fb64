/**
 * What the conversations of a server share, at its owner.
 *
 * A resource has one owner, and everything that is asked of it comes here, one request after the other: that is all the
 * locking there is. Where a server is one loop, the hub is in that loop; where it is many threads or processes, the hub is
 * in their server, and each of them asks over its socketpair.
 */
import {
  MAX_MESSAGE_BYTES,
  type Publication,
  type Resource,
  type ResourceFactory,
  type ResourceValue,
} from "../protocol/index.ts";

/** What a worker tells the hub. `member` is the worker's own number of a conversation. */
export type HubOrder =
  | readonly ["request", member: number, id: number, resource: string, body: ResourceValue]
  | readonly ["publish", topic: string, base64: string]
  | readonly ["subscribe", topic: string]
  | readonly ["unsubscribe", topic: string]
  /** A conversation is over. */
  | readonly ["gone", member: number];

/** What the hub tells a worker. */
export type HubNews =
  | readonly ["response", member: number, id: number, value: ResourceValue]
  | readonly ["failed", member: number, reason: string]
  /** To whoever has subscribed to it there. */
  | readonly ["message", topic: string, base64: string];

/** Topics that the conversations of one worker may be subscribed to, all in all. */
export const MAX_TOPICS = 65_536;

/** Told of a resource that threw, which it should not. */
export type HubReport = (error: unknown) => void;

export class Hub {
  readonly #resources = new Map<string, Resource>();
  readonly #links = new Set<HubLink>();
  readonly #report: HubReport;
  #lastMember = 0;

  constructor(factories: Readonly<Record<string, ResourceFactory>>, report: HubReport) {
    for (const [name, make] of Object.entries(factories)) this.#resources.set(name, make());
    this.#report = report;
  }

  /** Connects one worker. @param tell how it is told; called while one of its orders is taken, or another's. */
  join(tell: (news: HubNews) => void): HubLink {
    const link = new HubLink(this, tell);
    this.#links.add(link);
    return link;
  }

  /** Disconnects a worker: its conversations are gone. */
  leave(link: HubLink, members: Iterable<number>): void {
    if (!this.#links.delete(link)) return;
    for (const member of members) this.gone(member);
  }

  /** A number for a conversation that nobody else has had. */
  nextMember(): number {
    this.#lastMember++;
    return this.#lastMember;
  }

  /** @throws Error where there is no such resource, or it threw. */
  ask(name: string, body: ResourceValue, from: number): ResourceValue {
    const resource = this.#resources.get(name);
    if (resource === undefined) throw new RangeError(`there is no resource "${name}"`);
    const { value, publications = [] } = this.#reporting(() => resource.handle(body, from));
    for (const publication of publications) this.publish(publication);
    return value;
  }

  gone(member: number): void {
    for (const resource of this.#resources.values()) {
      try {
        for (const publication of resource.gone?.(member) ?? []) this.publish(publication);
      } catch (error) {
        this.#report(error);
      }
    }
  }

  publish({ topic, bytes }: Publication): void {
    this.spread(topic, Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("base64"));
  }

  spread(topic: string, base64: string): void {
    for (const link of this.#links) link.spread(topic, base64);
  }

  #reporting<Result>(run: () => Result): Result {
    try {
      return run();
    } catch (error) {
      this.#report(error);
      throw error;
    }
  }
}

/** One worker, as the hub sees it. */
export class HubLink {
  readonly #hub: Hub;
  readonly #tell: (news: HubNews) => void;
  readonly #topics = new Set<string>();
  /** The hub's numbers of the worker's conversations, of those that have asked for anything. */
  readonly #members = new Map<number, number>();

  constructor(hub: Hub, tell: (news: HubNews) => void) {
    this.#hub = hub;
    this.#tell = tell;
  }

  /** Does what the worker asks, whole. */
  take(order: HubOrder): void {
    switch (order[0]) {
      case "request": {
        const [, member, id, resource, body] = order;
        this.#answer(member, id, resource, body);
        break;
      }
      case "publish":
        this.#hub.spread(order[1], order[2]);
        break;
      case "subscribe":
        if (this.#topics.size < MAX_TOPICS) this.#topics.add(order[1]);
        break;
      case "unsubscribe":
        this.#topics.delete(order[1]);
        break;
      case "gone": {
        const from = this.#members.get(order[1]);
        this.#members.delete(order[1]);
        if (from !== undefined) this.#hub.gone(from);
        break;
      }
    }
  }

  spread(topic: string, base64: string): void {
    if (this.#topics.has(topic)) this.#tell(["message", topic, base64]);
  }

  close(): void {
    const members = [...this.#members.values()];
    this.#members.clear();
    this.#topics.clear();
    this.#hub.leave(this, members);
  }

  #answer(member: number, id: number, resource: string, body: ResourceValue): void {
    let from = this.#members.get(member);
    if (from === undefined) {
      from = this.#hub.nextMember();
      this.#members.set(member, from);
    }
    try {
      this.#tell(["response", member, id, this.#hub.ask(resource, body, from)]);
    } catch (error) {
      this.#tell(["failed", member, (error as Error).message]);
    }
  }
}

/** @throws RangeError for a message that is too long. */
export function checkMessage(bytes: Uint8Array): void {
  if (bytes.length <= MAX_MESSAGE_BYTES) return;
  throw new RangeError(`a message has at most ${MAX_MESSAGE_BYTES} bytes, not ${bytes.length}`);
}
