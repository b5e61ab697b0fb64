/** Whether a machine has what a configuration names: what `portolan inetd check` tells beyond the text itself. */
import { parseEndpoint } from "../../socket/index.ts";
import type { ConfigProblem, InetdConfig, InetdService, LogTarget, ServedByProgram } from "../model.ts";
import { type Capability, type HostWorld, systemHost } from "./host-world.ts";
import { Problems, quote } from "./problems.ts";

/** The tools that the way to a program may take, and the Debian packages that they come with. */
const PACKAGES = { chroot: "coreutils", nice: "coreutils", prlimit: "util-linux", setpriv: "util-linux" } as const;

/** What changes to a program's folder in a new root. */
const ENV = "/usr/bin/env";

/**
 * Looks for what the services name: programs, users, groups, files, tools, and what their ports and users take. What this
 * process may not do is a warning, for the super-server may run as somebody else.
 */
export function checkHost(config: InetdConfig, host: HostWorld = systemHost()): readonly ConfigProblem[] {
  const told = new Set<string>();
  return config.services.flatMap((service) => {
    if (service.isDisabled) return [];
    const problems = new Problems();
    checkPort(service, host, problems);
    checkFiles(service, host, problems);
    if (service.serves.kind === "program") checkProgram(service, service.serves, host, problems);
    // One line may be several services, one for each address.
    return problems.list.filter(({ origin: { file, line }, message }) => {
      const key = JSON.stringify([file, line, message.replace(service.id, "")]);
      return told.size < told.add(key).size;
    });
  });
}

function checkPort({ id, origin, listen }: InetdService, host: HostWorld, problems: Problems): void {
  if (listen.endpoint === undefined || listen.endpoint.startsWith("unix")) return;
  const endpoint = parseEndpoint(listen.endpoint, { names: true });
  const port = "port" in endpoint ? endpoint.port : "port" in endpoint.address ? endpoint.address.port : 0;
  if (port === 0 || port >= host.firstFreePort || host.hasCapability("CAP_NET_BIND_SERVICE")) return;
  const cure = `start the super-server as root, or choose a port from ${host.firstFreePort} on`;
  problems.warning(origin, `${id}: port ${port} takes CAP_NET_BIND_SERVICE, which this process does not have`, cure);
}

function checkFiles({ id, origin, banners, log }: InetdService, host: HostWorld, problems: Problems): void {
  const files = new Set([banners.always, banners.onSuccess, banners.onFailure]);
  for (const path of files) {
    const fault = path === undefined ? undefined : host.faultOfFile(path);
    if (fault !== undefined) problems.error(origin, `${id}: the banner ${path} ${fault}`);
  }
  const folder = logFolder(log.target);
  if (folder !== undefined && !host.isFolder(folder)) {
    problems.error(origin, `${id}: the log's folder ${folder} is not there`, `mkdir -p ${folder}`);
  }
}

function logFolder(target: LogTarget | undefined): string | undefined {
  if (target?.kind !== "file") return undefined;
  return target.path.slice(0, target.path.lastIndexOf("/")) || "/";
}

function checkProgram(service: InetdService, program: ServedByProgram, host: HostWorld, problems: Problems): void {
  const { id, origin } = service;
  const { path, root, directory, nice, rlimits } = program;
  if (root !== undefined && !host.isFolder(root)) {
    problems.error(origin, `${id}: the new root ${root} is not there`, `mkdir -p ${root}`);
  } else {
    const inside = root === undefined ? "" : ` in ${root}`;
    const fault = host.faultOfProgram(path, root);
    const cure = "correct the path, or install what it belongs to";
    if (fault !== undefined) problems.error(origin, `${id}: the program ${path} ${fault}${inside}`, cure);
    if (directory !== undefined && !host.isFolder(`${root ?? ""}${directory}`)) {
      problems.error(origin, `${id}: the folder ${directory} is not there${inside}`, "make it, or leave it out");
    }
    const faultOfEnv = root === undefined || directory === undefined ? undefined : host.faultOfProgram(ENV, root);
    if (faultOfEnv !== undefined) {
      const cure = `put it there, or leave the folder out: the program starts in ${root} itself then`;
      problems.error(
        origin,
        `${id} needs the tool ${ENV} to start in ${directory}, and it ${faultOfEnv}${inside}`,
        cure,
      );
    }
  }
  const isSwitching = checkAccounts(service, program, host, problems);
  const needed: Record<keyof typeof PACKAGES, boolean> = {
    chroot: root !== undefined,
    nice: nice !== undefined,
    prlimit: Object.keys(rlimits).length > 0,
    setpriv: isSwitching && root === undefined,
  };
  for (const [tool, packageName] of Object.entries(PACKAGES)) {
    if (!needed[tool as keyof typeof PACKAGES] || host.hasTool(tool)) continue;
    problems.error(origin, `${id} needs the tool ${tool}, which is not there`, `install the package ${packageName}`);
  }
  if (root !== undefined) takes(service, "CAP_SYS_CHROOT", `the new root ${root}`, host, problems);
}

/** @returns whether the program runs as somebody else than this process. */
function checkAccounts(service: InetdService, program: ServedByProgram, host: HostWorld, problems: Problems): boolean {
  const { id, origin } = service;
  const { user, group } = program.credentials;
  if (user !== undefined && !host.hasAccount("passwd", user)) {
    problems.error(origin, `${id}: there is no user ${quote(user)}`, "name one of those that getent passwd lists");
    return false;
  }
  if (group !== undefined && !host.hasAccount("group", group)) {
    problems.error(origin, `${id}: there is no group ${quote(group)}`, "name one of those that getent group lists");
    return false;
  }
  const isOther = user !== undefined && !host.isOwnAccount(user);
  if (isOther) takes(service, "CAP_SETUID", `the user ${user}`, host, problems);
  if (isOther || group !== undefined) {
    takes(service, "CAP_SETGID", `the group ${group ?? `of ${user}`}`, host, problems);
  }
  return isOther || group !== undefined;
}

function takes(
  { id, origin }: InetdService,
  capability: Capability,
  what: string,
  host: HostWorld,
  problems: Problems,
): void {
  if (host.hasCapability(capability)) return;
  const cure = "start the super-server as root, or leave it out";
  problems.warning(origin, `${id}: ${what} takes ${capability}, which this process does not have`, cure);
}
