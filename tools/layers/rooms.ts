/**
 * The rooms of `src/` and what each may import: section "rooms" of docs/architecture.md, as data. A room may import
 * the rooms it names and all that lies below those. A new room is a new line here and a page in docs/decisions/.
 */

/** One room: a folder of `src/` that is a TypeScript project of its own. */
export interface Room {
  /** The rooms right below, named in its tsconfig `references`. `"anything"`: every other room. */
  readonly below: readonly string[] | "anything";
  /** A pure room knows no Node API, imports no package, and sets `"types": []`. */
  readonly pure: boolean;
}

/** Every room there is or is planned to be, lowest first. */
export const rooms: Readonly<Record<string, Room>> = {
  abi: { below: [], pure: true },
  protocol: { below: [], pure: true },
  wire: { below: ["abi"], pure: true },
  sys: { below: ["abi"], pure: false },
  reactor: { below: ["sys"], pure: false },
  socket: { below: ["reactor"], pure: false },
  compat: { below: ["socket"], pure: false },
  kernel: { below: ["socket"], pure: false },
  server: { below: ["socket", "protocol"], pure: false },
  service: { below: ["server", "kernel"], pure: false },
  inetd: { below: ["service"], pure: false },
  capture: { below: ["socket", "wire"], pure: false },
  lab: { below: ["kernel", "capture"], pure: false },
  studio: { below: ["lab", "service"], pure: false },
  cli: { below: "anything", pure: false },
};

/** Packages that only one room may import, and that room. */
export const gatedPackages: ReadonlyMap<string, string> = new Map([["koffi", "sys"]]);

/** The one file that lies in `src/` itself: what the language's own library lacks, declared for the pure rooms. */
export const ambientFile = "src/ambient.d.ts";

/** The one file whose `import()` may be computed: it loads service modules, which are named at run time. */
export const serviceLoaderFile = "src/server/service-loader.ts";

/** All rooms that `room` may import, itself included. An unknown room may import nothing but itself. */
export function reachableRooms(room: string): ReadonlySet<string> {
  const below = rooms[room]?.below ?? [];
  if (below === "anything") {
    return new Set(Object.keys(rooms));
  }
  const reachable = new Set([room]);
  for (const lower of below) {
    for (const name of reachableRooms(lower)) {
      reachable.add(name);
    }
  }
  return reachable;
}
