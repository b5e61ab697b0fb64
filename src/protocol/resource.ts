/**
 * The contract of what conversations share.
 *
 * A resource is a state machine with one owner: the process, thread or loop that every request comes to, one after the
 * other. Handling a request is therefore atomic, and no lock is needed. Conversations reach it through `request` of
 * {@link SharedStreamIntents}; the driver carries requests and answers between the two, within one thread or across
 * processes, which is why bodies and values are JSON and not objects.
 */

/** What can be carried between processes: JSON. */
export type ResourceValue =
  | null
  | boolean
  | number
  | string
  | readonly ResourceValue[]
  | { readonly [key: string]: ResourceValue };

/** A message for the subscribers of a topic. */
export interface Publication {
  readonly topic: string;
  readonly bytes: Uint8Array;
}

/** What a request leads to. */
export interface ResourceAnswer {
  /** Goes to who asked. */
  readonly value: ResourceValue;
  /** Go to the subscribers, in this order, before the value goes to who asked. */
  readonly publications?: readonly Publication[];
}

/** What the conversations of a server share: it has one owner, who handles one request after the other. */
export interface Resource {
  /**
   * Handles one request, whole, before the next one.
   * @param body what the conversation asked; a resource answers one that it does not understand with a refusal, and
   * throws for none.
   * @param from who asks: a number that the owner gives to each connection and to no other while it runs.
   */
  handle(body: ResourceValue, from: number): ResourceAnswer;
  /** The connection `from` is gone. Called once, after the last of its requests. */
  gone?(from: number): readonly Publication[];
}

/** Makes the one resource that all conversations of a server share. */
export type ResourceFactory = () => Resource;
