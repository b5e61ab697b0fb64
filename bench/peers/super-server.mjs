// super-server.mjs LAUNCH ANSWER COMMAND [ARGUMENT...]: writes a configuration that every contender reads, starts COMMAND
// with its path in the place of CONFIG, and prints `listening PORT` once a connection is answered.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { connect, createServer } from "node:net";
import { tmpdir, userInfo } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";

const RETRY_MS = 20;
const PATIENCE_MS = 10_000;
const OPEN_FILES = "4096";

const [launch, answer, ...command] = process.argv.slice(2);

const placeholder = createServer().listen(0, "127.0.0.1");
await once(placeholder, "listening");
const { port } = placeholder.address();
placeholder.close();
await once(placeholder, "close");

const folder = mkdtempSync(join(tmpdir(), "portolan-bench-"));
const config = join(folder, "xinetd.conf");
writeFileSync(
  config,
  `service answer
{
	type = UNLISTED
	socket_type = stream
	protocol = tcp
	bind = 127.0.0.1
	port = ${port}
	wait = no
	user = ${userInfo().username}
	server = ${answer}
	instances = UNLIMITED
	per_source = UNLIMITED
	cps = 100000 1
	log_type = FILE ${join(folder, "log")}
	log_on_success = PID HOST EXIT DURATION
	log_on_failure = HOST
}
`,
);

const words = command.map((word) => word.replace("CONFIG", config).replace("FOLDER", folder));
// LAUNCH, so that it ends with this process, however that ends.
const child = spawn(launch, ["any", OPEN_FILES, ...words], { stdio: ["ignore", "ignore", "inherit"] });
const ended = once(child, "exit");
const finish = () => {
  rmSync(folder, { recursive: true, force: true });
  process.exit(0);
};
process.once("SIGTERM", () => child.kill("SIGTERM"));
void ended.then(finish);

for (const deadline = Date.now() + PATIENCE_MS; !(await isAnswered()); await delay(RETRY_MS)) {
  if (Date.now() < deadline) continue;
  process.stderr.write(`${command[0]} does not listen\n`);
  child.kill("SIGTERM");
  break;
}
process.stdout.write(`listening ${port}\n`);

async function isAnswered() {
  const socket = connect(port, "127.0.0.1");
  try {
    const [bytes] = await once(socket, "data");
    return bytes.length > 0;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}
