/**
 * What a restarted server has from the process before it: the sockets that listen already, with what waits in their queues,
 * so that nobody is turned away in between.
 *
 * The predecessor starts this process with a channel at descriptor 3, the sockets from descriptor 4 up, and a variable that
 * says so. Over the channel it writes one line of JSON, {@link Estate}, and reads one, {@link Answer}.
 */
import { Socket as NodeSocket } from "node:net";
import { close } from "../../sys/index.ts";
import { readLine } from "./lines.ts";

/** The variable that tells a process of its predecessor. Its value is the channel's descriptor. */
export const VARIABLE = "PORTOLAN_PREDECESSOR";
export const CHANNEL_FD = 3;

/** What is handed on. Fields may be added, none may change: the two processes may be of different versions. */
export interface Estate {
  /** The first of all these processes. */
  readonly originPid: number;
  /** Where `up` has its unix sockets, and whether it is to go when they do. */
  readonly folder?: { readonly path: string; readonly isTemporary: boolean };
  readonly listeners: readonly {
    readonly service: string;
    /** As it was asked for, perhaps with port 0. */
    readonly listen: string;
    /** Descriptors of the successor. */
    readonly fds: readonly number[];
  }[];
}

/** What a successor says: that it serves, or why it cannot. */
export type Answer = { readonly ready: true } | { readonly failed: string };

export class Inheritance {
  readonly originPid: number;
  readonly folder: Estate["folder"];
  readonly #channel: NodeSocket;
  readonly #left: Estate["listeners"][number][];

  private constructor(channel: NodeSocket, { originPid, folder, listeners }: Estate) {
    this.#channel = channel;
    this.originPid = originPid;
    this.folder = folder;
    this.#left = [...listeners];
  }

  /**
   * Takes what a predecessor hands on, if there is one. Call it once.
   * @throws Error where it is gone before it has told what there is.
   */
  static async receive(): Promise<Inheritance | undefined> {
    const value = process.env[VARIABLE];
    delete process.env[VARIABLE];
    if (value !== String(CHANNEL_FD)) return undefined;
    const channel = new NodeSocket({ fd: CHANNEL_FD });
    // It may end while nobody is spoken with: its sockets are here.
    channel.on("error", () => {});
    const estate = JSON.parse(await readLine(channel)) as Estate;
    channel.unref();
    return new Inheritance(channel, estate);
  }

  /** The sockets of a service at an endpoint, which are the caller's from now on. */
  take(service: string, listen: string): readonly number[] | undefined {
    const at = this.#left.findIndex((left) => left.service === service && left.listen === listen);
    return this.#left.splice(at, at < 0 ? 0 : 1)[0]?.fds;
  }

  /** All serve: the predecessor is to stop accepting. What nobody took is closed. */
  accept(): void {
    for (const { fds } of this.#left) for (const fd of fds) close(fd);
    this.#left.length = 0;
    this.#say({ ready: true });
  }

  /** It cannot be done: the predecessor is to go on, and to say why. */
  refuse(why: string): void {
    this.#say({ failed: why });
  }

  #say(answer: Answer): void {
    this.#channel.end(`${JSON.stringify(answer)}\n`);
  }
}
