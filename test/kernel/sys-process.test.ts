/** The gate's calls about processes: starting one, waiting for exactly that one, and memory that several share. */
import { readFileSync } from "node:fs";
import {
  CLD_EXITED,
  CLD_KILLED,
  ECHILD,
  ENOENT,
  ESRCH,
  MAP_SHARED,
  MFD_CLOEXEC,
  O_RDONLY,
  P_PIDFD,
  POLLIN,
  POSIX_SPAWN_SETSIGDEF,
  PROT_READ,
  PROT_WRITE,
  SIGCHLD,
  SIGINFO,
  SIGKILL,
  SIGUSR1,
  WEXITED,
  WNOHANG,
} from "portolan/abi";
import * as sys from "portolan/sys";
import { describe, expect, it } from "vitest";
import { bytesOf, giveBackAfterEach, keep, pipe, textOf } from "../support/sys-kit.ts";
import { until } from "../support/until.ts";

giveBackAfterEach();

/** Longer than any test: who sleeps so is ended by its pid. */
const FOREVER_SECONDS = 600;

const SIG_IGN = 1;
/** sizeof(sigset_t), in glibc and musl alike. */
const SIGSET_BYTES = 128;

function start(
  words: readonly string[],
  actions: Uint8Array | null = null,
  attributes: Uint8Array | null = null,
): number {
  const texts = words.map((word) => bytesOf(`${word}\0`));
  const argv = new BigUint64Array([...texts.map((text) => BigInt(sys.addressOf(text))), 0n]);
  const pid = new Int32Array(1);
  expect(sys.posix_spawn(pid, words[0] as string, actions, attributes, argv, new BigUint64Array(1))).toBe(0);
  // The texts must outlive the call.
  expect(texts.length).toBe(words.length);
  return pid[0] as number;
}

/** The letter of the process's state in /proc: R, S, Z …; undefined for one that is gone. */
function stateOf(pid: number): string | undefined {
  try {
    return readFileSync(`/proc/${pid}/status`, "utf8").match(/^State:\s+(\w)/m)?.[1];
  } catch {
    return undefined;
  }
}

function waitFor(pidfd: number, timeoutMs: number): number {
  const pollfd = new Int32Array([pidfd, POLLIN]);
  return sys.poll(pollfd, 1, timeoutMs);
}

describe("a child", () => {
  it("is a zombie until it is waited for, and then it is gone", () => {
    const pid = start(["/bin/sh", "-c", "exit 7"]);
    const pidfd = keep(sys.pidfd_open(pid, 0));
    expect(waitFor(pidfd, 30_000)).toBe(1);
    expect(stateOf(pid)).toBe("Z");
    const info = new Uint8Array(SIGINFO.size);
    expect(sys.waitid(P_PIDFD, pidfd, info, WEXITED)).toBe(0);
    const view = new DataView(info.buffer);
    expect(view.getInt32(SIGINFO.si_pid, true)).toBe(pid);
    expect(view.getInt32(SIGINFO.si_code, true)).toBe(CLD_EXITED);
    expect(view.getInt32(SIGINFO.si_status, true)).toBe(7);
    expect(stateOf(pid)).toBeUndefined();
    expect(sys.waitid(P_PIDFD, pidfd, info, WEXITED)).toBe(-ECHILD);
    expect(sys.pidfd_send_signal(pidfd, 0, null, 0)).toBe(-ESRCH);
  });

  it("is ended by its descriptor, and says by which signal", () => {
    const pid = start(["/bin/sh", "-c", `exec sleep ${FOREVER_SECONDS}`]);
    const pidfd = keep(sys.pidfd_open(pid, 0));
    const info = new Uint8Array(SIGINFO.size);
    expect(sys.waitid(P_PIDFD, pidfd, info, WEXITED | WNOHANG)).toBe(0);
    expect(new DataView(info.buffer).getInt32(SIGINFO.si_pid, true)).toBe(0);
    expect(sys.pidfd_send_signal(pidfd, SIGKILL, null, 0)).toBe(0);
    expect(sys.waitid(P_PIDFD, pidfd, info, WEXITED)).toBe(0);
    expect(new DataView(info.buffer).getInt32(SIGINFO.si_code, true)).toBe(CLD_KILLED);
    expect(new DataView(info.buffer).getInt32(SIGINFO.si_status, true)).toBe(SIGKILL);
  });

  it("is nobody's business while SIGCHLD is ignored: it never becomes a zombie", async () => {
    const previous = sys.signal(SIGCHLD, SIG_IGN);
    try {
      const pid = start(["/bin/sh", "-c", "exit 0"]);
      const seen = new Set<string | undefined>();
      await until(() => {
        const state = stateOf(pid);
        seen.add(state);
        return state === undefined;
      });
      expect(seen).not.toContain("Z");
    } finally {
      sys.signal(SIGCHLD, previous);
    }
  });

  it("begins as its file actions and attributes say", () => {
    const [reader, writer] = pipe();
    const actions = new Uint8Array(sys.SPAWN_OBJECT_BYTES);
    const attributes = new Uint8Array(sys.SPAWN_OBJECT_BYTES);
    expect(sys.posix_spawn_file_actions_init(actions)).toBe(0);
    expect(sys.posix_spawn_file_actions_addopen(actions, 0, "/dev/null", O_RDONLY, 0)).toBe(0);
    expect(sys.posix_spawn_file_actions_adddup2(actions, writer, 1)).toBe(0);
    expect(sys.posix_spawn_file_actions_addchdir_np(actions, "/proc/self")).toBe(0);
    expect(sys.posix_spawn_file_actions_addclosefrom_np(actions, 3)).toBe(0);
    expect(sys.posix_spawnattr_init(attributes)).toBe(0);
    expect(sys.posix_spawnattr_setflags(attributes, POSIX_SPAWN_SETSIGDEF)).toBe(0);
    const signals = new Uint8Array(SIGSET_BYTES);
    signals[(SIGUSR1 - 1) >> 3] = 1 << ((SIGUSR1 - 1) & 7);
    expect(sys.posix_spawnattr_setsigdefault(attributes, signals)).toBe(0);
    const previous = sys.signal(SIGUSR1, SIG_IGN);
    // What the file actions do is done in the child, so that there the link names the child.
    const script = "cd -P . && pwd && readlink /proc/$$/fd/0 && ls /proc/$$/fd && grep SigIgn /proc/$$/status";
    let pid = 0;
    try {
      pid = start(["/bin/sh", "-c", script], actions, attributes);
    } finally {
      sys.signal(SIGUSR1, previous);
      expect(sys.posix_spawn_file_actions_destroy(actions)).toBe(0);
    }
    const pidfd = keep(sys.pidfd_open(pid, 0));
    expect(waitFor(pidfd, 30_000)).toBe(1);
    expect(sys.waitid(P_PIDFD, pidfd, new Uint8Array(SIGINFO.size), WEXITED)).toBe(0);
    const bytes = new Uint8Array(4096);
    const [directory, input, ...lines] = textOf(bytes, sys.read(reader, bytes, bytes.length))
      .trim()
      .split("\n");
    expect(directory).toMatch(/^\/proc\/\d+$/);
    expect(input).toBe("/dev/null");
    // Descriptor 2 is there or not, as this process got it.
    expect(lines.slice(0, -1).filter((fd) => fd !== "2")).toEqual(["0", "1"]);
    const ignored = BigInt(`0x${lines.at(-1)?.split("\t")[1]}`);
    expect((ignored >> BigInt(SIGUSR1 - 1)) & 1n).toBe(0n);
  });

  it("that cannot be started is an error at once", () => {
    const text = bytesOf("nothing\0");
    const argv = new BigUint64Array([BigInt(sys.addressOf(text)), 0n]);
    const pid = new Int32Array(1);
    expect(sys.posix_spawn(pid, "/nowhere/nothing", null, null, argv, new BigUint64Array(1))).toBe(-ENOENT);
  });

  it("that never was has no descriptor", () => {
    expect(sys.pidfd_open(2 ** 22 + 1, 0)).toBe(-ESRCH);
  });
});

it("memory of a memfd is the same wherever it is mapped", () => {
  const fd = keep(sys.memfd_create("portolan test", MFD_CLOEXEC));
  expect(sys.ftruncate(fd, 4096)).toBe(0);
  const map = (): number => sys.mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  const [first, second] = [map(), map()];
  expect(first).toBeGreaterThan(0);
  expect(second).toBeGreaterThan(0);
  new Uint8Array(sys.viewMemory(first, 4096))[100] = 42;
  expect(new Uint8Array(sys.viewMemory(second, 4096))[100]).toBe(42);
  sys.munmap(first, 4096);
  sys.munmap(second, 4096);
});
