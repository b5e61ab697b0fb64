/**
 * How a running server gives its place to a new process: at SIGHUP, or when `portolan reload` asks. The new one is started
 * with the same arguments and gets the same sockets; only when it says that it serves does this one stop accepting. If it
 * does not come to that, this one goes on as before.
 */
import type { MetricsEndpoint } from "../../server/index.ts";
import type { Fleet } from "../fleet.ts";
import { METRICS_ESTATE } from "../metrics.ts";
import { ControlSocket, type Outcome } from "./control-socket.ts";
import type { Estate, Inheritance } from "./inheritance.ts";
import { notifyManager } from "./service-manager.ts";
import { startSuccessor } from "./successor.ts";

export interface SuccessionOptions {
  readonly fleet: Fleet;
  /** Where metrics are read, if they are, and where that was asked for. */
  readonly metrics: { readonly listen: string; readonly endpoint: MetricsEndpoint } | undefined;
  readonly inheritance: Inheritance | undefined;
  readonly folder: Estate["folder"];
  /** Told of each reload as it begins, and of one that came to nothing. */
  readonly reloading: () => void;
  readonly failed: (why: string) => void;
}

export class Succession {
  /** Settles with the process id of the successor, once it serves. */
  readonly succeeded: Promise<number>;
  readonly #options: SuccessionOptions;
  readonly #abandon = new AbortController();
  #settle: (pid: number) => void = () => {};
  #running: Promise<Outcome> | undefined;
  #control: ControlSocket | undefined;

  private constructor(options: SuccessionOptions) {
    this.#options = options;
    this.succeeded = new Promise((resolve) => {
      this.#settle = resolve;
    });
  }

  /** From now on `portolan reload` can ask for it. */
  static async open(options: SuccessionOptions): Promise<Succession> {
    const succession = new Succession(options);
    succession.#control = await ControlSocket.open(succession.#reload);
    return succession;
  }

  /** Starts a successor, unless one is being started. */
  reload(): void {
    void this.#reload();
  }

  /** Hears no more; a successor that does not serve yet is given up. */
  close(): void {
    this.#abandon.abort();
    this.#control?.close();
  }

  readonly #reload = (): Promise<Outcome> => {
    this.#running ??= this.#succeed();
    return this.#running;
  };

  async #succeed(): Promise<Outcome> {
    const { reloading, failed } = this.#options;
    try {
      if (this.#abandon.signal.aborted) throw new Error("this process is stopping");
      if (process.pid === 1) throw new Error("as process 1 it cannot end without ending its container; replace that");
      reloading();
      notifyManager("RELOADING=1", `MONOTONIC_USEC=${process.hrtime.bigint() / 1000n}`);
      const successor = await startSuccessor(this.#estate(), this.#abandon.signal);
      notifyManager(`MAINPID=${successor}`, "READY=1");
      this.#settle(successor);
      return { successor };
    } catch (error) {
      const { message } = error as Error;
      // Another may be tried.
      this.#running = undefined;
      notifyManager("READY=1");
      failed(message);
      return { failed: message };
    }
  }

  #estate(): Estate {
    const { fleet, metrics, inheritance, folder } = this.#options;
    const ofServices = fleet.members.map(({ entry, listen, server }) => ({
      service: entry.name,
      listen,
      fds: server.listeners,
    }));
    const ofMetrics =
      metrics === undefined
        ? []
        : [{ service: METRICS_ESTATE, listen: metrics.listen, fds: [metrics.endpoint.listener] }];
    return {
      originPid: inheritance?.originPid ?? process.pid,
      ...(folder === undefined ? {} : { folder: { path: folder.path, isTemporary: folder.isTemporary } }),
      listeners: [...ofServices, ...ofMetrics],
    };
  }
}
