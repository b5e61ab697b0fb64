/** `portolan demo sink`: the byte sink and a netcat, and between their calls what the kernel does without either. */
import { runSink, type SinkStep } from "../../../service/index.ts";
import { connect, isSystemError, type Socket } from "../../../socket/index.ts";
import type { Demo, Stage } from "./table.ts";

const RECEIVE_BYTES = 1024;
const PATIENCE_MS = 5000;

export const demo: Demo = {
  async run(stage) {
    let port = 0;
    const script = play(stage, () => port);
    try {
      await runSink({
        listen: "tcp://127.0.0.1:0",
        backlog: 1,
        reuse: false,
        receiveBytes: RECEIVE_BYTES,
        next: async () => (await script.next()).value ?? undefined,
        say({ name, text, fields }) {
          if (name === "bind") port = fields.port as number;
          stage.step({
            name,
            text: name === "kernel" ? text.replace(/^ {4}/gm, "kernel  ") : `sink    ${text}`,
            fields,
          });
        },
        signal: stage.signal,
      });
    } finally {
      await script.return(undefined);
    }
    return undefined;
  },
};

/** The netcat's part, and after each of it the sink's next step. */
async function* play(stage: Stage, port: () => number): AsyncGenerator<SinkStep, undefined> {
  const dial = (): Promise<Socket> =>
    connect("127.0.0.1", String(port()), { type: "stream", signal: stage.signal, timeoutMs: PATIENCE_MS });
  await tried(stage, "connect", async () => (await dial()).close());
  yield { do: "listen" };
  using socket = await dial();
  said(stage, "connect", "= 0: the kernel has shaken hands, though nobody has called accept");
  const send = (text: string): Promise<void> =>
    tried(stage, `send ${JSON.stringify(text)}`, () => socket.send(text, { signal: stage.signal }));
  await send("first\n");
  yield { do: "show" };
  yield { do: "accept" };
  yield { do: "recv", bytes: undefined };
  yield { do: "close" };
  const end = await socket.recv(RECEIVE_BYTES, { signal: stage.signal, timeoutMs: PATIENCE_MS });
  said(stage, "recv", `= ${end.length}: the peer has ended`);
  await send("second\n");
  said(stage, "", "The kernel took that, and the peer's kernel answered with a reset. Only the next write tells:");
  yield { do: "show" };
  await send("third\n");
  said(stage, "", "A program in C that ignores no signal would have been ended here by SIGPIPE: status 141.");
  yield { do: "close" };
  return undefined;
}

/** Does one call of the netcat, and says what it returned. */
async function tried(stage: Stage, call: string, does: () => unknown): Promise<void> {
  try {
    const result = await does();
    said(stage, call, `= ${typeof result === "number" ? result : 0}`);
  } catch (error) {
    if (!isSystemError(error)) throw error;
    said(stage, call, `= -1 ${error.code}`);
  }
}

function said(stage: Stage, call: string, text: string): void {
  const line = call === "" ? text : `${call} ${text}`;
  stage.step({ name: "netcat", text: `netcat  ${line}`, fields: { call, result: text } });
}
