/** The thread behind `thread.ts`. */
import { parentPort, workerData } from "node:worker_threads";
import { Channel } from "./channel.ts";
import { Control } from "./control.ts";
import { designNamed } from "./designs.ts";
import { HeldDescriptors } from "./held.ts";
import { loadService } from "./service-loader.ts";
import { sharedAccess } from "./shared-state-access.ts";
import { SourceCounts } from "./source-counts.ts";
import type { RunningTask, ServerEvent } from "./task.ts";
import type { ThreadData, ThreadMessage } from "./thread.ts";
import { sharesFrom } from "./worker-rows.ts";

const { design, service, channel, control, held, sourceMemory, shareWords, ...data } = workerData as ThreadData;
const tell = (message: ThreadMessage): void => parentPort?.postMessage(message);
const report = (event: ServerEvent): void => tell({ event });

const loaded = await loadService(service);
const line = channel === undefined ? undefined : new Channel(channel);
const task: RunningTask = {
  ...data,
  report,
  service: loaded,
  options: service.options,
  control: Control.from(control, line),
  shares: shareWords && sharesFrom(shareWords),
  sources: sourceMemory && new SourceCounts(sourceMemory.words, sourceMemory.shape),
  held: held === undefined ? undefined : new HeldDescriptors(held, data.index),
  shared: sharedAccess(loaded, service.options, line, report),
};
designNamed(design).run(task, () => tell({ ready: true }));
