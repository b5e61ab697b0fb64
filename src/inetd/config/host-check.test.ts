import { describe, expect, it } from "vitest";
import type { InetdConfig, ServedByProgram } from "../model.ts";
import { DEFAULT_GLOBAL } from "../model.ts";
import { completeProgram, completeService, NOBODY } from "./draft.ts";
import { checkHost } from "./host-check.ts";
import type { HostWorld } from "./host-world.ts";

/** A machine that has everything and may do everything. */
const host: HostWorld = {
  faultOfProgram: () => undefined,
  faultOfFile: () => undefined,
  isFolder: () => true,
  hasAccount: () => true,
  hasTool: () => true,
  hasCapability: () => true,
  firstFreePort: 1024,
  isOwnAccount: (user) => user === "me",
};

function configOf(program: Partial<ServedByProgram>, port = 7007, banner?: string): InetdConfig {
  const service = completeService({
    id: "test",
    name: "test",
    origin: { file: "inetd.conf", line: 5 },
    listen: { type: "stream", endpoint: `tcp://localhost:${port}` },
    serves: completeProgram({ path: "/bin/cat", argv: ["cat"], ...program }),
    banners: { always: banner, onSuccess: undefined, onFailure: undefined },
    log: { target: { kind: "file", path: "/var/log/x/test" }, onSuccess: [], onFailure: [] },
  });
  return { services: [service, { ...service, isDisabled: true }], global: DEFAULT_GLOBAL };
}

describe("what a machine has not is told by the line that needs it", () => {
  it("finds nothing wrong where everything is there", () => {
    expect(checkHost(configOf({ root: "/srv", nice: 3, rlimits: { openFiles: 3 } }), host)).toEqual([]);
  });

  const user = { credentials: { ...NOBODY, user: "other" } };
  const group = { credentials: { ...NOBODY, user: "me", group: "gone" } };
  const missing = (names: string[]): Partial<HostWorld> => ({ hasTool: (name) => !names.includes(name) });
  const powerless: Partial<HostWorld> = { hasCapability: () => false };
  it.each<[string, InetdConfig, Partial<HostWorld>, string]>([
    [
      "a program",
      configOf({}),
      { faultOfProgram: () => "is not there" },
      "error: test: the program /bin/cat is not there",
    ],
    [
      "a new root",
      configOf({ root: "/srv" }),
      { isFolder: (path) => path !== "/srv" },
      "error: test: the new root /srv",
    ],
    [
      "env in a new root",
      configOf({ root: "/srv", directory: "/d" }),
      { faultOfProgram: (path, root) => (root === "/srv" && path === "/usr/bin/env" ? "is not there" : undefined) },
      "error: test needs the tool /usr/bin/env to start in /d, and it is not there in /srv",
    ],
    ["a folder", configOf({ directory: "/d" }), { isFolder: (path) => path !== "/d" }, "error: test: the folder /d"],
    [
      "a banner",
      configOf({}, 7007, "/b"),
      { faultOfFile: () => "is not there" },
      "error: test: the banner /b is not there",
    ],
    ["a log's folder", configOf({}), { isFolder: () => false }, "error: test: the log's folder /var/log/x"],
    ["a user", configOf(user), { hasAccount: () => false }, 'error: test: there is no user "other"'],
    ["a group", configOf(group), { hasAccount: (kind) => kind === "passwd" }, 'error: test: there is no group "gone"'],
    ["setpriv", configOf(user), missing(["setpriv"]), "error: test needs the tool setpriv"],
    ["chroot", configOf({ root: "/srv" }), missing(["chroot"]), "error: test needs the tool chroot"],
    ["prlimit", configOf({ rlimits: { openFiles: 3 } }), missing(["prlimit"]), "error: test needs the tool prlimit"],
    ["nice", configOf({ nice: 3 }), missing(["nice"]), "error: test needs the tool nice"],
    ["a low port", configOf({}, 21), powerless, "warning: test: port 21 takes CAP_NET_BIND_SERVICE"],
    ["another user", configOf(user), powerless, "warning: test: the user other takes CAP_SETUID"],
    ["another root", configOf({ root: "/srv" }), powerless, "warning: test: the new root /srv takes CAP_SYS_CHROOT"],
  ])("%s", (_what, config, lacking, said) => {
    const problems = checkHost(config, { ...host, ...lacking });
    expect(problems.map(({ severity, message }) => `${severity}: ${message}`)).toContainEqual(
      expect.stringContaining(said),
    );
    expect(problems.every(({ origin }) => origin.line === 5)).toBe(true);
  });

  it("asks for no tool where the program runs as we do", () => {
    expect(
      checkHost(configOf({ credentials: { ...NOBODY, user: "me" } }), { ...host, ...missing(["setpriv"]) }),
    ).toEqual([]);
  });
});
