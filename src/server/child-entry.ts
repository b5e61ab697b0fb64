/** The process behind `child.ts`. */
import { closeSync } from "node:fs";
import { F_GETFL, F_SETFD, F_SETFL, FD_CLOEXEC, O_NONBLOCK } from "../abi/index.ts";
import { fcntl } from "../sys/index.ts";
import { Channel } from "./channel.ts";
import { CHANNEL_FD, type ChildData, ROWS_FD, TASK_FD, WAKE_FD } from "./child.ts";
import { Control } from "./control.ts";
import { designNamed } from "./designs.ts";
import type { WorkerNews } from "./launch.ts";
import type { Json } from "./service.ts";
import { loadService } from "./service-loader.ts";
import { sharedAccess } from "./shared-state-access.ts";
import type { RunningTask, ServerEvent } from "./task.ts";
import { mapRow, mapShares, mapSources, sharesFrom } from "./worker-rows.ts";

// A Ctrl-C or a service manager's SIGTERM is meant for the server, which says when and how its children are to stop; where
// it is gone, its end of the channel is closed.
for (const signal of ["SIGHUP", "SIGINT", "SIGTERM"] as const) process.on(signal, () => {});

const channel = new Channel(CHANNEL_FD);
const tell = (news: WorkerNews): void => channel.send(news as unknown as Json);
const report = ({ where, message }: ServerEvent): void => tell(["event", where, message]);

// What this process starts itself must not hold connections open.
for (const fd of [CHANNEL_FD, WAKE_FD, TASK_FD]) fcntl(fd, F_SETFD, FD_CLOEXEC);
fcntl(TASK_FD, F_SETFL, fcntl(TASK_FD, F_GETFL) | O_NONBLOCK);

const data = channel.wait() as unknown as ChildData | undefined;
if (data !== undefined) {
  const { design, kind, service, limits, part, index, count, sources, isSharing } = data;
  const { words, counters } = mapRow(ROWS_FD, index);
  const counted = sources && mapSources(ROWS_FD, count, sources);
  const shares = isSharing ? sharesFrom(mapShares(ROWS_FD, count, sources)) : undefined;
  closeSync(ROWS_FD);
  try {
    const loaded = await loadService(service);
    const task: RunningTask = {
      fd: TASK_FD,
      kind,
      limits,
      part,
      index,
      counters,
      report,
      service: loaded,
      options: service.options,
      control: Control.from({ fd: WAKE_FD, words }, channel),
      memory: undefined,
      designMemory: undefined,
      sources: counted,
      shares,
      held: undefined,
      shared: sharedAccess(loaded, service.options, channel, report),
    };
    designNamed(design).run(task, () => tell(["ready"]));
  } catch (error) {
    tell(["unable", error instanceof Error ? (error.stack ?? error.message) : String(error)]);
    process.exitCode = 1;
  }
}
process.exit();
