/** The thread behind `thread.ts`. */
import { parentPort, workerData } from "node:worker_threads";
import { Control } from "./control.ts";
import { designNamed } from "./designs.ts";
import { loadService } from "./service-loader.ts";
import type { ThreadData, ThreadMessage } from "./thread.ts";

const { design, fd, kind, service, limits, counters, control } = workerData as ThreadData;
const tell = (message: ThreadMessage): void => parentPort?.postMessage(message);

const loaded = await loadService(service);
tell({ ready: true });
designNamed(design).run({
  fd,
  kind,
  limits,
  counters,
  service: loaded,
  options: service.options,
  control: Control.from(control),
  report: (event) => tell({ event }),
});
