/** With which options of Node's a thread of ours starts. */

/**
 * Nothing: a thread starts with the options of the process, as Node does it. But where the process runs a script from its
 * command line (`node --input-type=module -e …`), no thread could start from a file with those, so it has none. (To name
 * them one by one is no way: Node refuses V8's, such as --max-old-space-size, when they are named.)
 *
 * @example
 * import { Worker } from "node:worker_threads";
 *
 * new Worker(url, { name: "mine", ...workerOptions() });
 */
export function workerOptions(): { readonly execArgv?: string[] } {
  return process.execArgv.some((argument) => argument.startsWith("--input-type")) ? { execArgv: [] } : {};
}
