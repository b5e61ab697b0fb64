/**
 * What the conversations of one worker share, at the worker: it numbers their requests, keeps their subscriptions, and
 * carries orders to the hub and news from it, wherever that is.
 */
import {
  MAX_OUTSTANDING_REQUESTS,
  MAX_SUBSCRIPTIONS,
  type ResourceFactory,
  type ResourceValue,
  type SharedStreamIntents,
  type StreamIntents,
} from "../protocol/index.ts";
import type { Channel } from "./channel.ts";
import type { Json } from "./service.ts";
import { checkMessage, Hub, type HubLink, type HubNews, type HubOrder, MAX_TOPICS } from "./shared-state.ts";

/** A conversation, as a driver has it. Each method calls the protocol, and so is called when nothing of it is running. */
export interface Sharer {
  response(id: number, value: ResourceValue): void;
  message(topic: string, bytes: Uint8Array): void;
  abort(reason: string): void;
}

/** The part of {@link SharedStreamIntents} that is not a plain stream's. */
export type Sharing = Omit<SharedStreamIntents, keyof StreamIntents>;

/** How a desk reaches its hub. */
interface Carrier {
  carry(order: HubOrder): void;
}

/** What a driver needs of what its conversations share. */
export interface SharedAccess {
  readonly desk: Desk;
  /** Whether {@link deliver} has nothing to do. */
  readonly isIdle: boolean;
  /** Passes on what waits; called when no protocol is running. What that leads to may wait for the next call. */
  deliver(): void;
}

export class Desk {
  readonly #carrier: Carrier;
  readonly #members = new Map<number, DeskMember>();
  readonly #topics = new Map<string, Set<DeskMember>>();
  #lastMember = 0;

  constructor(carrier: Carrier) {
    this.#carrier = carrier;
  }

  /** Lets a conversation share. It takes part until {@link DeskMember.leave}. */
  join(sharer: Sharer): DeskMember {
    this.#lastMember++;
    const member = new DeskMember(this, this.#lastMember, sharer);
    this.#members.set(member.number, member);
    return member;
  }

  /** Passes news on to whom they concern. Whoever has left meanwhile is not told. */
  deliver(news: HubNews): void {
    if (news[0] === "message") {
      const [, topic, base64] = news;
      const bytes = Buffer.from(base64, "base64");
      // A conversation may change its subscriptions when it is told.
      for (const member of [...(this.#topics.get(topic) ?? [])]) member.tell(topic, bytes);
      return;
    }
    const member = this.#members.get(news[1]);
    if (news[0] === "response") member?.respond(news[2], news[3]);
    else member?.fail(news[2]);
  }

  carry(order: HubOrder): void {
    this.#carrier.carry(order);
  }

  subscribe(topic: string, member: DeskMember): void {
    let subscribers = this.#topics.get(topic);
    if (subscribers === undefined) {
      if (this.#topics.size >= MAX_TOPICS) throw new RangeError(`a server has at most ${MAX_TOPICS} topics`);
      subscribers = new Set();
      this.#topics.set(topic, subscribers);
      this.carry(["subscribe", topic]);
    }
    subscribers.add(member);
  }

  unsubscribe(topic: string, member: DeskMember): void {
    const subscribers = this.#topics.get(topic);
    if (subscribers === undefined || !subscribers.delete(member) || subscribers.size > 0) return;
    this.#topics.delete(topic);
    this.carry(["unsubscribe", topic]);
  }

  forget(member: DeskMember): void {
    this.#members.delete(member.number);
    this.carry(["gone", member.number]);
  }
}

/** One conversation at its desk. */
export class DeskMember implements Sharing {
  readonly number: number;
  readonly #desk: Desk;
  readonly #sharer: Sharer;
  readonly #topics = new Set<string>();
  #outstanding = 0;
  #lastId = 0;
  #isGone = false;

  constructor(desk: Desk, number: number, sharer: Sharer) {
    this.#desk = desk;
    this.number = number;
    this.#sharer = sharer;
  }

  // What the protocol asks.

  request(resource: string, body: ResourceValue): number {
    if (this.#outstanding >= MAX_OUTSTANDING_REQUESTS) {
      throw new RangeError(`a conversation may wait for ${MAX_OUTSTANDING_REQUESTS} responses at a time`);
    }
    this.#outstanding++;
    this.#lastId++;
    this.#desk.carry(["request", this.number, this.#lastId, resource, body]);
    return this.#lastId;
  }

  publish(topic: string, bytes: Uint8Array): void {
    checkMessage(bytes);
    const base64 = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("base64");
    this.#desk.carry(["publish", topic, base64]);
  }

  subscribe(topic: string): void {
    if (this.#topics.has(topic)) return;
    if (this.#topics.size >= MAX_SUBSCRIPTIONS) {
      throw new RangeError(`a conversation may subscribe to ${MAX_SUBSCRIPTIONS} topics`);
    }
    this.#desk.subscribe(topic, this);
    this.#topics.add(topic);
  }

  unsubscribe(topic: string): void {
    if (this.#topics.delete(topic)) this.#desk.unsubscribe(topic, this);
  }

  /** The conversation is over. */
  leave(): void {
    if (this.#isGone) return;
    this.#isGone = true;
    for (const topic of this.#topics) this.#desk.unsubscribe(topic, this);
    this.#topics.clear();
    this.#desk.forget(this);
  }

  // What the hub says.

  respond(id: number, value: ResourceValue): void {
    this.#outstanding--;
    if (!this.#isGone) this.#sharer.response(id, value);
  }

  tell(topic: string, bytes: Uint8Array): void {
    if (!this.#isGone && this.#topics.has(topic)) this.#sharer.message(topic, bytes);
  }

  fail(reason: string): void {
    if (!this.#isGone) this.#sharer.abort(reason);
  }
}

/** A hub in the worker's own thread: the whole server is here. Orders wait until the protocol has returned. */
export class LocalHub implements Carrier, SharedAccess {
  readonly desk: Desk;
  /** Called when there is something to deliver, in the midst of a call of the protocol. */
  onOrder: (() => void) | undefined = undefined;
  readonly #link: HubLink;
  #orders: HubOrder[] = [];

  constructor(factories: Readonly<Record<string, ResourceFactory>>, report: (error: unknown) => void) {
    this.desk = new Desk(this);
    this.#link = new Hub(factories, report).join((news) => this.desk.deliver(news));
  }

  get isIdle(): boolean {
    return this.#orders.length === 0;
  }

  carry(order: HubOrder): void {
    this.#orders.push(order);
    if (this.#orders.length === 1) this.onOrder?.();
  }

  deliver(): void {
    const orders = this.#orders;
    this.#orders = [];
    for (const order of orders) this.#link.take(order);
  }
}

/** A hub at the other end of a channel. */
export class RemoteHub implements Carrier, SharedAccess {
  readonly desk: Desk;
  readonly #channel: Channel;

  constructor(channel: Channel) {
    this.desk = new Desk(this);
    this.#channel = channel;
  }

  get isIdle(): boolean {
    return this.#channel.waiting === 0;
  }

  carry(order: HubOrder): void {
    this.#channel.send(order as unknown as Json);
  }

  deliver(): void {
    for (let news = this.#channel.take(); news !== undefined; news = this.#channel.take()) {
      this.desk.deliver(news as unknown as HubNews);
    }
  }
}

/**
 * A conversation's place at the desk of its server.
 * @throws TypeError where the service has not said that its conversations share anything.
 */
export function joinDesk(access: SharedAccess | undefined, service: string, sharer: Sharer): DeskMember {
  if (access !== undefined) return access.desk.join(sharer);
  throw new TypeError(`conversations of ${service} share something, but the service has no resources`);
}

/** What a protocol that is not shared gets for asking. */
export function notShared(): TypeError {
  return new TypeError("only a protocol that says `shared` may ask for what is shared");
}
