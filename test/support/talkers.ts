/** Clients that ask an echo one thing after the other, without end, and look at every answer. */
import { connect, type Socket } from "node:net";
import { until } from "./until.ts";

/** Answers after which a client counts as served on. */
const MORE = 5;

/** One of them. */
export class Talker implements Disposable {
  readonly socket: Socket;
  /** Right answers so far. */
  answers = 0;
  /** The first wrong answer. */
  fault: string | undefined;
  /** Whether the connection is over. */
  isLost = false;
  /** Resolves when it is. */
  readonly lost: Promise<void>;
  /** Resolves to whether the first question was answered: false where the connection ended in place of an answer. */
  readonly isServed: Promise<boolean>;
  #heard = "";
  #isHeld = false;
  #serve: () => void = () => {};

  constructor(port: number) {
    this.socket = connect({ port, host: "127.0.0.1", noDelay: true });
    this.socket.setEncoding("latin1");
    this.socket.on("error", () => {});
    this.lost = new Promise((resolve) => {
      this.socket.once("close", () => {
        this.isLost = true;
        resolve();
      });
    });
    const served = new Promise<void>((resolve) => {
      this.#serve = resolve;
    });
    this.isServed = Promise.race([served.then(() => true), this.lost.then(() => false)]);
    this.socket.once("connect", () => this.#ask());
    this.socket.on("data", (text) => this.#hear(String(text)));
  }

  /** Asks nothing more, but stays. */
  hold(): void {
    this.#isHeld = true;
  }

  [Symbol.dispose](): void {
    this.socket.destroy();
  }

  get #question(): string {
    return `question ${this.answers} of ${this.socket.localPort}\n`;
  }

  #ask(): void {
    this.socket.write(this.#question);
  }

  #hear(text: string): void {
    this.#heard += text;
    const wanted = this.#question;
    if (this.#heard.length < wanted.length) return;
    if (this.#heard !== wanted) this.fault ??= `${this.#heard} in place of ${wanted}`;
    this.#heard = "";
    this.answers++;
    this.#serve();
    if (!this.#isHeld && this.fault === undefined) this.#ask();
  }
}

/** All the clients of a test, gone when it is over. */
export class Talkers implements Disposable {
  readonly #port: number;
  readonly #all: Talker[] = [];

  constructor(port: number) {
    this.#port = port;
  }

  dial(): Talker {
    const talker = new Talker(this.#port);
    this.#all.push(talker);
    return talker;
  }

  /** Waits until each of these has had some more right answers. @throws Error where one has had a wrong one, or is lost */
  async goOn(some: readonly Talker[]): Promise<void> {
    const before = some.map(({ answers }) => answers);
    await until(() => {
      for (const { fault, isLost, socket } of some) {
        if (fault !== undefined) throw new Error(fault);
        if (isLost) throw new Error(`the client at port ${socket.localPort} has lost its connection`);
      }
      return some.every(({ answers }, i) => answers > (before[i] as number) + MORE);
    });
  }

  [Symbol.dispose](): void {
    for (const talker of this.#all) talker[Symbol.dispose]();
  }
}
