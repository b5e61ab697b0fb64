/** The client of the truncating echo: shows what came back against what was sent. */
import type { Socket } from "../../socket/index.ts";
import type { ClientCall, ServiceClient } from "../client.ts";
import {
  bytesText,
  DATAGRAM_TIMEOUT_MS,
  dial,
  MAX_DATAGRAM_BYTES,
  printLine,
  receiveUntil,
  reportBreach,
  reportSilence,
} from "../client-io.ts";
import { EXIT, type ExitStatus } from "../exit-status.ts";
import { readLines } from "../lines.ts";

/** How much of a datagram is shown. */
const SHOWN_BYTES = 60;

export const truncateClient: ServiceClient = {
  options: [{ flags: "--message <text>", description: "send this line instead of standard input" }],
  async call(call) {
    const { message } = call.options as { readonly message?: string };
    using socket = await dial(call.endpoint, { signal: call.signal });
    const lines = message === undefined ? readLines(call.input, MAX_DATAGRAM_BYTES) : [Buffer.from(message)];
    for await (const line of lines) {
      const status = await exchange(call, socket, line);
      if (status !== EXIT.OK) return status;
    }
    return EXIT.OK;
  },
};

async function exchange(call: ClientCall, socket: Socket, line: Uint8Array): Promise<ExitStatus> {
  const { output, signal } = call;
  const timeoutMs = call.timeoutMs ?? DATAGRAM_TIMEOUT_MS;
  const buffer = new Uint8Array(MAX_DATAGRAM_BYTES);
  await socket.send(line, { signal });
  const count = await receiveUntil(socket, buffer, signal, performance.now() + timeoutMs);
  if (count === undefined) {
    reportSilence(call, timeoutMs);
    return EXIT.UNAVAILABLE;
  }
  const back = buffer.subarray(0, count);
  const sameBytes = keptLength(line, back);
  const lostBytes = line.length - sameBytes;
  const note = new TextDecoder().decode(back.subarray(sameBytes)).trim();
  if (note !== "" && !/^\[\d+ of \d+ bytes\]$/.test(note)) {
    reportBreach(call, `answered ${shown(back)}, which is not the beginning of what it was sent`);
    return EXIT.PROTOCOL;
  }
  const fate = lostBytes === 0 ? "all of it fitted" : `${lostBytes} did not fit and are gone`;
  await printLine(call, `sent  ${bytesText(line.length)}: ${shown(line)}`);
  await printLine(call, `back  ${bytesText(sameBytes)}: ${shown(back.subarray(0, sameBytes))}  ${fate}`);
  if (note !== "") await printLine(call, `says  ${note}`);
  const fields = { sentBytes: line.length, keptBytes: sameBytes, lostBytes, note };
  output.event?.({ name: "answer", text: `${sameBytes} of ${line.length} bytes came back`, fields });
  return EXIT.OK;
}

/** How much of the line came back. What went on like the beginning of a note would be taken for more, so notes are read first. */
function keptLength(line: Uint8Array, back: Uint8Array): number {
  const common = commonLength(line, back);
  const text = Buffer.from(back.buffer, back.byteOffset, back.length).toString("latin1");
  const [note = "", kept, of] = / \[(\d+) of (\d+) bytes\]\n$/.exec(text) ?? [];
  const isNote = note !== "" && Number(of) === line.length && back.length === Number(kept) + note.length;
  return isNote ? Math.min(common, Number(kept)) : common;
}

function commonLength(first: Uint8Array, second: Uint8Array): number {
  const most = Math.min(first.length, second.length);
  for (let i = 0; i < most; i += 1) if (first[i] !== second[i]) return i;
  return most;
}

function shown(bytes: Uint8Array): string {
  const text = JSON.stringify(new TextDecoder().decode(bytes.subarray(0, SHOWN_BYTES)));
  return bytes.length > SHOWN_BYTES ? `${text} …` : text;
}
