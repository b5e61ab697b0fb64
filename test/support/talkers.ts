/** Clients that ask an echo one thing after the other, without end, and look at every answer. */
import { connect, type Socket } from "node:net";

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
  #heard = "";
  #isHeld = false;

  constructor(port: number, host = "127.0.0.1") {
    this.socket = connect({ port, host, noDelay: true });
    this.socket.setEncoding("latin1");
    this.socket.on("error", () => {});
    this.lost = new Promise((resolve) => {
      this.socket.once("close", () => {
        this.isLost = true;
        resolve();
      });
    });
    this.socket.once("connect", () => this.#ask());
    this.socket.on("data", (text) => this.#hear(String(text)));
  }

  /** Resolves to whether it was answered: false where the connection ended in place of an answer. */
  async answered(): Promise<boolean> {
    const before = this.answers;
    const heard = new Promise<void>((resolve) => {
      const look = (): void => {
        if (this.answers === before) return;
        this.socket.off("data", look);
        resolve();
      };
      this.socket.on("data", look);
    });
    await Promise.race([heard, this.lost]);
    return this.answers > before;
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
    if (!this.#isHeld && this.fault === undefined) this.#ask();
  }
}
