/** Making a service ready before somebody comes: its program's texts, its banners. */
import { accessSync, closeSync, constants, openSync, readSync, statSync } from "node:fs";
import { threadReactor } from "../../reactor/index.ts";
import { designNamed, HostedService } from "../../server/index.ts";
import { findService, services } from "../../service/index.ts";
import { problemsOfDesign, USUAL_DESIGN } from "../config/design.ts";
import type { ConfigProblem, InetdService, ServedByBuiltIn, ServedByProgram } from "../model.ts";
import { buildChain } from "./chain.ts";
import type { Gate } from "./gate.ts";
import { type BannerTexts, type BuiltIn, type PreparedService, ServiceProblem } from "./host.ts";
import { Launch } from "./launch.ts";

/** Of a banner's file: what a fresh connection has room for in any case. */
const MAX_BANNER_BYTES = 4096;
const SD_LISTEN_FDS_START = 3;
/** Of this process's own start, or of another program's. */
const PRIVATE_VARIABLES = ["LISTEN_FDNAMES", "LISTEN_FDS", "LISTEN_PID", "NODE_CHANNEL_FD", "REMOTE_HOST"];

/**
 * @param before what the service was until now: a built-in one that stays the same keeps what its conversations share.
 * @throws ServiceProblem where the service could never be served.
 */
export async function prepareService(
  service: InetdService,
  gate: Gate,
  before: PreparedService | undefined,
): Promise<PreparedService> {
  const { serves } = service;
  const warnings = [...problemsOfDesign(service)];
  for (const { severity, origin, message, cure } of warnings) {
    if (severity === "error") throw new ServiceProblem(origin, message, cure);
  }
  const launch =
    serves.kind === "program" ? await prepareProgram(service, serves, (problem) => warnings.push(problem)) : undefined;
  const banners = readBanners(service);
  const builtIn = serves.kind === "builtin" ? await prepareBuiltIn(service, serves, before) : undefined;
  return { service, launch, builtIn, banners, gate, warnings };
}

async function prepareBuiltIn(
  service: InetdService,
  serves: ServedByBuiltIn,
  before: PreparedService | undefined,
): Promise<BuiltIn> {
  const { id, origin, listen } = service;
  const isSame =
    before?.service.listen.type === listen.type && JSON.stringify(before.service.serves) === JSON.stringify(serves);
  if (isSame && before.builtIn !== undefined) return before.builtIn;
  const kind = listen.type === "dgram" ? "datagram" : "stream";
  const entry = findService(serves.service);
  if (entry === undefined) {
    const names = services.map(({ name }) => name).join(", ");
    throw new ServiceProblem(origin, `${id}: there is no built-in service ${serves.service}`, `there are ${names}`);
  }
  try {
    const reference = entry.reference(serves.options);
    const { design = USUAL_DESIGN } = serves;
    if (!designNamed(design).kinds.includes(kind)) throw new RangeError(`the ${design} design serves no ${kind}s`);
    if (design !== USUAL_DESIGN) return { reference, hosted: undefined };
    return { reference, hosted: await HostedService.load(reference, kind, threadReactor()) };
  } catch (error) {
    if (error instanceof ServiceProblem) throw error;
    throw new ServiceProblem(origin, `${id}: ${(error as Error).message}`, undefined, { cause: error });
  }
}

async function prepareProgram(
  service: InetdService,
  program: ServedByProgram,
  warn: (problem: ConfigProblem) => void,
): Promise<Launch> {
  const { root, umask, activation, isErrorToSocket } = program;
  // What is inside a new root is known only there.
  if (root === undefined) checkProgram(service, program);
  const chain = await buildChain(service, program, warn);
  return new Launch({
    ...chain,
    environment: { ...environmentOf(program), ...(activation ? { LISTEN_FDNAMES: activatedName(service) } : {}) },
    directory: root === undefined ? (program.directory ?? "/") : "/",
    umask,
    targets: activation ? [SD_LISTEN_FDS_START] : isErrorToSocket ? [0, 1, 2] : [0, 1],
  });
}

function checkProgram({ id, origin }: InetdService, { path, directory }: ServedByProgram): void {
  const fail = (message: string, cure: string): never => {
    throw new ServiceProblem(origin, `${id}: ${message}`, cure);
  };
  const found = statSync(path, { throwIfNoEntry: false });
  if (found === undefined) fail(`there is no program ${path}`, "correct the path, or install what it belongs to");
  if (found?.isFile() !== true) fail(`${path} is no file`, "name a program");
  try {
    accessSync(path, constants.X_OK);
  } catch {
    fail(`${path} may not be executed`, `chmod +x ${path}`);
  }
  if (directory !== undefined && statSync(directory, { throwIfNoEntry: false })?.isDirectory() !== true) {
    fail(`there is no directory ${directory}`, "make it, or leave it out");
  }
}

/** As systemd names them: systemd.socket(5), FileDescriptorName. */
function activatedName({ id, wait }: InetdService): string {
  // A name may not have the character that stands between names.
  return wait ? id.replaceAll(":", "_") : "connection";
}

function environmentOf({ passEnvironment, environment }: ServedByProgram): Record<string, string> {
  const passed = Object.entries(process.env).filter(([name]) => passEnvironment?.includes(name) ?? true);
  const kept = passed.filter(
    (entry): entry is [string, string] => entry[1] !== undefined && !PRIVATE_VARIABLES.includes(entry[0]),
  );
  return { ...Object.fromEntries(kept), ...environment };
}

function readBanners({ id, origin, banners }: InetdService): BannerTexts {
  const read = (path: string | undefined): Uint8Array | undefined => {
    if (path === undefined) return undefined;
    try {
      const fd = openSync(path, "r");
      try {
        const bytes = Buffer.alloc(MAX_BANNER_BYTES);
        return bytes.subarray(0, readSync(fd, bytes));
      } finally {
        closeSync(fd);
      }
    } catch (error) {
      throw new ServiceProblem(origin, `${id}: the banner cannot be read: ${(error as Error).message}`, undefined);
    }
  };
  return {
    always: read(banners.always),
    onSuccess: read(banners.onSuccess),
    onFailure: read(banners.onFailure),
  };
}
