/** What is to be done when the process ends: one listener for all servers, since Node takes more than ten for a leak. */

const tasks = new Set<() => void>();

/** Runs a task when the process ends, unless it is taken back before. A task that was added twice runs once. */
export function atExit(task: () => void): void {
  if (tasks.size === 0) process.on("exit", runAll);
  tasks.add(task);
}

/** Takes a task back; one that is not there is no error. */
export function notAtExit(task: () => void): void {
  tasks.delete(task);
  if (tasks.size === 0) process.off("exit", runAll);
}

function runAll(): void {
  for (const task of [...tasks]) task();
}
