/** Who is measured by `portolan bench designs`: every design, and who is known for being fast. */
import { execFileSync } from "node:child_process";
import { accessSync, constants, existsSync } from "node:fs";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";
import { designNamed, designs } from "../../../server/index.ts";

const COMPILE_TIMEOUT_MS = 60_000;
/** Descriptors that a server has open beside its connections, with room to spare. */
const OWN_DESCRIPTORS = 60;
/** select(2): a descriptor of this number or above does not fit into an fd_set. */
const FD_SETSIZE = 1024;

/** A server to measure. */
export interface Subject {
  readonly name: string;
  /** Whether it is one of our designs. */
  readonly isDesign: boolean;
  /** How many clients it serves at the same time. */
  readonly capacity: number;
  /** Why not more. */
  readonly bound: string;
  /** The program that serves echo on a port of its choice, for so many connections. @throws Error saying what is missing. */
  command(connections: number, folder: string): readonly string[];
}

interface Bound {
  readonly capacity: number;
  readonly bound: string;
  /** Whether it must be told how many workers. */
  readonly hasWorkers?: true;
}

/**
 * Designs that cannot, or should not, serve as many as a loop. On its one core a server starts some three threads, or
 * processes, of Node a second, and this is not to last all day.
 */
const bounds: Readonly<Record<string, Bound>> = {
  iterative: { capacity: 1, bound: "it serves one client at a time" },
  pool: { capacity: 16, bound: "a thread of some 20 MB for each client that is served", hasWorkers: true },
  prefork: { capacity: 8, bound: "a process of some 50 MB for each client that is served", hasWorkers: true },
  process: { capacity: 8, bound: "a process of some 50 MB for each client" },
  select: { capacity: FD_SETSIZE - OWN_DESCRIPTORS, bound: `FD_SETSIZE is ${FD_SETSIZE}` },
  thread: { capacity: 16, bound: "a thread of some 20 MB for each client" },
};

const main = fileURLToPath(new URL("../../main.js", import.meta.url));
const nodeNet = fileURLToPath(new URL("./node-net-entry.js", import.meta.url));
/** In a checkout. The published package has no such folder. */
const benchFolder = fileURLToPath(new URL("../../../../bench/", import.meta.url));

const BUN_ECHO = `const s = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: {
  open(peer) { peer.setNoDelay(true); }, data(peer, bytes) { peer.write(bytes); } } });
console.log("listening " + s.port);`;

const peers: readonly Subject[] = [
  peer("c-epoll", (folder) => [compiled("c-epoll-echo", folder), "0"]),
  peer("node-net", () => [process.execPath, nodeNet]),
  peer("bun", () => [findBun(), "-e", BUN_ECHO]),
];

/** Everybody, designs first, sorted by name. */
export const subjects: readonly Subject[] = [...designs.map(({ name }) => design(name)), ...peers];

/** The command that serves echo under a design. @param workers how many; the design's own number if undefined. */
export function designCommand(name: string, workers?: number): string[] {
  const command = [
    process.execPath,
    main,
    "serve",
    "echo",
    "--json",
    "--design",
    name,
    "--listen",
    "tcp://127.0.0.1:0",
  ];
  return workers === undefined ? command : [...command, "--workers", `${workers}`];
}

function design(name: string): Subject {
  const { capacity, bound, hasWorkers }: Bound = bounds[name] ?? { capacity: Number.POSITIVE_INFINITY, bound: "" };
  return {
    name,
    isDesign: true,
    capacity,
    bound,
    command(connections) {
      const substitute = designNamed(name).substitute?.();
      // What serves in its place is measured under its own name.
      if (substitute !== undefined) throw new Error(substitute.why);
      return designCommand(name, hasWorkers === true ? connections : undefined);
    },
  };
}

function peer(name: string, command: (folder: string) => readonly string[]): Subject {
  return {
    name,
    isDesign: false,
    capacity: Number.POSITIVE_INFINITY,
    bound: "",
    command: (_connections, folder) => command(folder),
  };
}

/** Compiles a C server of the checkout into a folder, once. */
function compiled(name: string, folder: string): string {
  const source = join(benchFolder, "native", `${name}.c`);
  if (!existsSync(source))
    throw new Error("its source is in a checkout of Portolan only, not in the installed package");
  const compiler = onPath("cc") ?? onPath("gcc");
  if (compiler === undefined) throw new Error("no C compiler is installed: there is no cc or gcc on the PATH");
  const program = join(folder, name);
  if (!existsSync(program)) {
    execFileSync(compiler, ["-O2", "-std=gnu17", "-o", program, source], {
      stdio: ["ignore", "ignore", "pipe"],
      timeout: COMPILE_TIMEOUT_MS,
    });
  }
  return program;
}

function findBun(): string {
  const found = onPath("bun") ?? [join(benchFolder, "node_modules/bun/bin/bun.exe")].find((path) => existsSync(path));
  if (found === undefined) throw new Error("Bun is not installed: there is no bun on the PATH");
  return found;
}

/** The first executable of this name on the PATH. */
export function onPath(name: string): string | undefined {
  const places = (process.env.PATH ?? "").split(delimiter).map((folder) => join(folder, name));
  return places.find((path) => {
    try {
      accessSync(path, constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}
