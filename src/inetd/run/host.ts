/** What a service that runs is given by the super-server. */
import type { SocketAddress } from "../../abi/index.ts";
import type { HostedService, ServiceReference } from "../../server/index.ts";
import type { ConfigProblem, InetdService, Origin } from "../model.ts";
import type { Gate, Refusal } from "./gate.ts";
import type { Launch } from "./launch.ts";
import type { LogRecord } from "./log.ts";

/** Whether a peer may use a service now. A host's name in a rule has to be looked up, and then the answer comes later. */
export type AccessCheck = (
  service: InetdService,
  peer: SocketAddress | undefined,
  now: Date,
) => Refusal | undefined | Promise<Refusal | undefined>;

/** What the super-server does for its services. */
export interface Host {
  readonly access: AccessCheck;
  /** Puts something on record, and counts it. */
  record(service: InetdService, record: Omit<LogRecord, "id">): void;
  /** Counts something that was started and is so small that it is not put on record. */
  count(service: InetdService): void;
}

/** A service with everything that can be made ready before somebody comes. */
export interface PreparedService {
  readonly service: InetdService;
  /** Of a service that a program answers. */
  readonly launch: Launch | undefined;
  /** Of a service of ours. */
  readonly builtIn: BuiltIn | undefined;
  readonly banners: BannerTexts;
  readonly gate: Gate;
  /** What is otherwise than configured, and does not keep the service from being served. */
  readonly warnings: readonly ConfigProblem[];
}

/** A service of ours, made ready. */
export interface BuiltIn {
  readonly reference: ServiceReference;
  /** What serves, in this thread's loop; undefined where a design was asked for, which starts when somebody comes. */
  readonly hosted: HostedService | undefined;
}

/** The bytes of the banners' files. */
export interface BannerTexts {
  readonly always: Uint8Array | undefined;
  readonly onSuccess: Uint8Array | undefined;
  readonly onFailure: Uint8Array | undefined;
}

/** Why one service cannot be served; the others can. */
export class ServiceProblem extends Error {
  override readonly name = "ServiceProblem";
  readonly problem: ConfigProblem;

  constructor(origin: Origin, message: string, cure: string | undefined, options?: ErrorOptions) {
    super(cure === undefined ? message : `${message}; ${cure}`, options);
    this.problem = { origin, severity: "error", message, cure };
  }
}

/** What xinetd writes where it does not know the peer, as only the program does that accepts. */
export const NO_ADDRESS = "<no address>";

/** The address of a peer, as records and limits have it: without a port. */
export function sourceOf(peer: SocketAddress | undefined): string {
  if (peer === undefined) return NO_ADDRESS;
  if (peer.family === "inet" || peer.family === "inet6") return peer.address;
  if (peer.family !== "unix") return NO_ADDRESS;
  const text = (bytes: string | Uint8Array): string =>
    typeof bytes === "string" ? bytes : Buffer.from(bytes).toString("latin1");
  if (peer.kind === "path") return text(peer.path);
  return peer.kind === "abstract" ? `@${text(peer.name)}` : "local";
}

/** What a program finds of its peer in its environment: xinetd's REMOTE_HOST, and systemd's REMOTE_ADDR and REMOTE_PORT. */
export function remoteEnvironment(peer: SocketAddress | undefined): string[] {
  if (peer === undefined || (peer.family !== "inet" && peer.family !== "inet6")) return [];
  return [`REMOTE_HOST=${peer.address}`, `REMOTE_ADDR=${peer.address}`, `REMOTE_PORT=${peer.port}`];
}
