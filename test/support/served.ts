/** The real `portolan serve` as a child process, for tests that watch it from outside. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";

const main = fileURLToPath(new URL("../../dist/cli/main.js", import.meta.url));

export interface ServedProcess extends AsyncDisposable {
  readonly pid: number;
  readonly port: number;
}

/** Serves echo over TCP under a design, until disposed. */
export async function startServer(design: string): Promise<ServedProcess> {
  const args = [main, "serve", "echo", "--design", design, "--listen", "tcp://127.0.0.1:0", "--json"];
  const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
  const closed = once(child, "close");
  let text = "";
  child.stdout.setEncoding("utf8");
  for await (const chunk of child.stdout.iterator({ destroyOnReturn: false })) {
    text += chunk;
    if (text.includes("\n")) break;
  }
  child.stdout.resume();
  const { endpoint } = JSON.parse(text.split("\n", 1)[0] as string) as { endpoint: string };
  return {
    pid: child.pid as number,
    port: Number(endpoint.split(":")[2]),
    async [Symbol.asyncDispose]() {
      child.kill("SIGTERM");
      await closed;
    },
  };
}
