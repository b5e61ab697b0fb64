/** Python's socket module, as another opinion of the same socket, and as the loader of eBPF programs. */
import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { Socket } from "portolan";
import { SCM_RIGHTS, SOL_SOCKET } from "portolan/abi";
import { close } from "portolan/sys";
import { controlOf, optionOf, receive, Skip } from "./kit.ts";

const READ = `
import socket, sys
level, option, size = map(int, sys.argv[1:])
try:
    sock = socket.socket(fileno=3)
    print(sock.getsockopt(level, option, size).hex())
except OSError as error:
    print("errno", error.errno)
`;

/** What Python's getsockopt says of an option of our socket, as bytes. */
export function pythonBytes(socket: Socket, name: string, sizeBytes: number): Buffer {
  const { level, option } = optionOf(name);
  const args = ["-c", READ, String(level), String(option), String(sizeBytes)];
  const { stdout, stderr, error } = spawnSync("python3", args, {
    stdio: ["ignore", "pipe", "pipe", socket.fd],
    encoding: "utf8",
  });
  assert.equal(error, undefined);
  assert.equal(stderr, "");
  assert.ok(!stdout.startsWith("errno"), `Python: ${stdout}`);
  return Buffer.from(stdout.trim(), "hex");
}

/** The same as a number: of four bytes an int, of eight a bigint. */
export function pythonOption(socket: Socket, name: string, sizeBytes: 4 | 8 = 4): number | bigint {
  const bytes = pythonBytes(socket, name, sizeBytes);
  return sizeBytes === 8 ? bytes.readBigUInt64LE(0) : bytes.readInt32LE(0);
}

/** bpf(2) of x64 and arm64. */
const LOAD = `
import ctypes, os, socket, struct, sys
number = {"x86_64": 321, "aarch64": 280}[os.uname().machine]
result = int(sys.argv[1])
program = struct.pack("<BBhi", 0xb7, 0, 0, result) + struct.pack("<BBhi", 0x95, 0, 0, 0)
instructions = ctypes.create_string_buffer(program, len(program))
license = ctypes.create_string_buffer(b"GPL")
attributes = struct.pack("<IIQQIIQII", 1, 2, ctypes.addressof(instructions), ctypes.addressof(license), 0, 0, 0, 0, 0)
attributes = ctypes.create_string_buffer(attributes.ljust(128, b"\\0"), 128)
libc = ctypes.CDLL(None, use_errno=True)
fd = libc.syscall(number, 5, attributes, 128)
sock = socket.socket(fileno=3)
if fd < 0:
    sock.send(b"errno %d" % ctypes.get_errno())
else:
    socket.send_fds(sock, [b"program"], [fd])
`;

/** Loads an eBPF socket filter that returns a number, hands over its descriptor, and closes it. */
export async function loadSocketFilter(result: number, use: (program: number) => void): Promise<void> {
  const [ours, theirs] = Socket.pair("stream");
  using _ours = ours;
  const child = spawn("python3", ["-c", LOAD, String(result)], { stdio: ["ignore", "inherit", "inherit", theirs.fd] });
  const ended = once(child, "close");
  theirs.close();
  const message = await ours.ready("readable", { timeoutMs: 30_000 }).then(() => receive(ours));
  await ended;
  if (String(message.bytes) !== "program") throw new Skip(`bpf(2) refused to load a program: ${message.bytes}`);
  const program = controlOf(message, SOL_SOCKET, SCM_RIGHTS).readInt32LE(0);
  try {
    use(program);
  } finally {
    close(program);
  }
}
