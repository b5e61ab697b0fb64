/** Services as the readers put them together: what a form says, and everything else as it holds by default. */
import { SOMAXCONN } from "../../abi/index.ts";
import {
  type Credentials,
  DEFAULT_SERVICE_LIMITS,
  type InetdService,
  type ListenPlace,
  type Origin,
  type ServedBy,
  type ServedByProgram,
} from "../model.ts";

/** What every form has to say of a service. */
export interface ServiceDraft extends Partial<Omit<InetdService, "listen">> {
  readonly id: string;
  readonly name: string;
  readonly origin: Origin;
  readonly listen: Pick<ListenPlace, "type"> & Partial<ListenPlace>;
  readonly serves: ServedBy;
}

/** What nobody has said anything of. */
export const NOBODY: Credentials = { user: undefined, group: undefined, hasGroups: false };

export function completeService(draft: ServiceDraft): InetdService {
  return {
    isDisabled: false,
    wait: false,
    access: { onlyFrom: undefined, noAccess: [], times: [] },
    limits: DEFAULT_SERVICE_LIMITS,
    log: { target: undefined, onSuccess: [], onFailure: [] },
    banners: { always: undefined, onSuccess: undefined, onFailure: undefined },
    ...draft,
    listen: completePlace(draft.listen),
  };
}

function completePlace(place: ServiceDraft["listen"]): ListenPlace {
  return {
    endpoint: undefined,
    activatedName: undefined,
    backlog: SOMAXCONN,
    keepAlive: false,
    noDelay: false,
    v6Only: undefined,
    mode: undefined,
    ...place,
  };
}

/** A program, of which the rest is as it holds by default. */
export function completeProgram(
  program: Pick<ServedByProgram, "path" | "argv"> & Partial<ServedByProgram>,
): ServedByProgram {
  return {
    kind: "program",
    credentials: NOBODY,
    directory: undefined,
    root: undefined,
    passEnvironment: undefined,
    environment: {},
    umask: undefined,
    nice: undefined,
    rlimits: {},
    activation: false,
    isErrorToSocket: true,
    ...program,
  };
}
