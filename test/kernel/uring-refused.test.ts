/**
 * Where io_uring is refused, as by a container's seccomp profile: the calls fail for real, in processes that are started
 * under a filter. The reason is said, and another loop serves.
 */
import { fileURLToPath } from "node:url";
import { backendNames } from "portolan/reactor";
import { afterAll, describe, expect, it, type TestContext } from "vitest";
import { echoOfDatagram, echoOfStream } from "../cli/echoes.ts";
import { Program, root } from "../cli/portolan.ts";
import { CPrograms } from "../support/c-programs.ts";

const main = `${root}dist/cli/main.js`;
const fixture = fileURLToPath(new URL("../fixtures/reactor/refused.mjs", import.meta.url));

/** System calls, of the same number on every architecture, and errors: errno(3). */
const SETUP = 425;
const ENTER = 426;
const REGISTER = 427;
const EPERM = 1;
const ENOMEM = 12;
const EACCES = 13;
const EINVAL = 22;
const EMFILE = 24;
const ENOSYS = 38;

const SWITCHED_OFF = "io_uring is switched off here (EPERM: sysctl kernel.io_uring_disabled, or a seccomp profile)";
const NOT_IN_FULL = "io_uring is not allowed in full here";

const programs = new CPrograms();
afterAll(() => programs[Symbol.dispose]());

/** Starts Node without one of the system calls. */
function startWithout(context: TestContext, call: number, errno: number, ...args: string[]): Program {
  const launcher = programs.path(context, "refuse-call");
  return new Program(launcher, [`${call}`, `${errno}`, process.execPath, ...args]);
}

describe("a reactor over io_uring", () => {
  it.for([
    { call: SETUP, errno: EPERM, says: SWITCHED_OFF },
    { call: SETUP, errno: ENOMEM, says: "there is not enough memory for an io_uring (ENOMEM: see ulimit -l)" },
    { call: SETUP, errno: EACCES, says: "io_uring is refused here (EACCES: a security module)" },
    { call: SETUP, errno: EINVAL, says: "this kernel's io_uring is too old (EINVAL: Linux 6.6 or newer is needed)" },
    { call: SETUP, errno: ENOSYS, says: "this kernel has no io_uring (ENOSYS)" },
    { call: REGISTER, errno: EINVAL, says: `${NOT_IN_FULL} (io_uring_register: EINVAL, Invalid argument)` },
    { call: ENTER, errno: EPERM, says: `${NOT_IN_FULL} (io_uring_enter: EPERM, Operation not permitted)` },
  ])("is refused with the reason, and leaves nothing open: $says", async ({ call, errno, says }, context) => {
    await using program = startWithout(context, call, errno, fixture);
    const { status, stdout, stderr } = await program.end();
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    const others = Object.fromEntries(backendNames.map((name) => [name, null]));
    expect(JSON.parse(stdout)).toEqual({ refusals: { ...others, uring: says }, thrown: says, leftOpen: 0 });
  });

  it("is not called refused where there are no descriptors for it", async (context) => {
    await using program = startWithout(context, SETUP, EMFILE, fixture);
    const { status, stderr } = await program.end();
    expect(status).toBe(1);
    expect(stderr).toContain("Error: io_uring_setup: EMFILE");
  });
});

describe("portolan serve --design uring", () => {
  it.for([
    { call: SETUP, errno: EPERM, args: [], says: SWITCHED_OFF },
    { call: SETUP, errno: ENOSYS, args: ["--in-node"], says: "this kernel has no io_uring (ENOSYS)" },
    { call: REGISTER, errno: EPERM, args: ["--workers", "2"], says: `${NOT_IN_FULL} (io_uring_register: EPERM` },
  ])("serves by epoll, and says why: $says $args", async ({ call, errno, args, says }, context) => {
    const listen = ["--listen", "tcp://127.0.0.1:0", "--listen", "udp://127.0.0.1:0"];
    await using program = startWithout(
      context,
      call,
      errno,
      ...[main, "serve", "echo", "--design", "uring", ...listen, ...args, "--json"],
    );
    const [tcp, udp] = await program.listening(2);
    expect([tcp?.design, udp?.design]).toEqual(["epoll", "epoll"]);
    // Of two servers in one process the reason is the same, so it is said once.
    const [trouble, ...more] = program.events("trouble");
    expect(more).toEqual([]);
    expect(trouble).toMatchObject({ service: "echo", where: "design" });
    expect(trouble?.message).toMatch(/; epoll serves in place of uring$/);
    expect(trouble?.message).toContain(says);
    expect(await echoOfStream(tcp?.endpoint ?? "", "a stream")).toBe("a stream");
    expect(await echoOfDatagram(udp?.endpoint ?? "", "a datagram")).toBe("a datagram");
    program.signal("SIGTERM");
    expect(await program.end()).toMatchObject({ status: 0, stderr: "" });
  });
});

it("portolan bench designs does not measure epoll for uring", async (context) => {
  const args = ["bench", "designs", "--designs", "uring", "--connections", "1", "--seconds", "0.1", "--json"];
  await using program = startWithout(context, SETUP, EPERM, main, ...args);
  const { status, stdout } = await program.end();
  const UNAVAILABLE = 69;
  expect(status).toBe(UNAVAILABLE);
  const [point] = stdout.split("\n");
  expect(JSON.parse(point ?? "")).toEqual({ subject: "uring", connections: 1, notMeasured: SWITCHED_OFF });
});
