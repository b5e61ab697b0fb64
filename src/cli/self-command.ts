/** How this very program is started from a shell, and which other programs are there. */
import { accessSync, constants, realpathSync } from "node:fs";
import { basename, delimiter, dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";

const NAME = "portolan";

/** Programs that are installed as `nc` and do not know OpenBSD's `-N` and `-U`. */
const OTHER_NETCATS = new Set(["busybox", "nc.traditional", "ncat", "netcat", "toybox"]);

/**
 * What to type for `portolan`: that word where it starts this program, `npx` and that word where only npm finds it, as in
 * a project that depends on the package, else `node` and this file, as in a checkout.
 * Examples begin with it, so that they work when pasted.
 */
export function selfCommand(): string {
  const main = fileURLToPath(new URL("./main.js", import.meta.url));
  const installed = findProgram(NAME);
  if (installed !== undefined && realpathSync(installed) === realpathSync(main)) {
    // npm and npx put this folder on the path of what they start; the shell that they were typed into has it not.
    return dirname(installed).endsWith(join("node_modules", ".bin")) ? `npx ${NAME}` : NAME;
  }
  const nearby = relative(process.cwd(), main);
  const path = nearby.startsWith("..") ? main : nearby;
  return `node ${/^[\w@%+=:,./-]+$/.test(path) ? path : `'${path.replaceAll("'", "'\\''")}'`}`;
}

/** A file of the package, such as a guide, by the path that finds it from where the command was started. */
export function packagedFile(path: string): string {
  const file = join(fileURLToPath(new URL("../../", import.meta.url)), path);
  const nearby = relative(process.cwd(), file);
  return nearby.startsWith("..") ? file : nearby;
}

/** A command line that begins with `portolan`, as it can be pasted here. */
export function pasteable(command: string, self: string): string {
  return command.startsWith(`${NAME} `) ? `${self}${command.slice(NAME.length)}` : command;
}

/** Whether a program of a trial command is there, in the form that the command needs. */
export function isInstalled(program: string): boolean {
  if (program === NAME) return true;
  const path = findProgram(program);
  return path !== undefined && !(program === "nc" && OTHER_NETCATS.has(basename(realpathSync(path))));
}

/** The first executable of this name on the PATH. */
function findProgram(name: string): string | undefined {
  for (const folder of (process.env.PATH ?? "").split(delimiter)) {
    const path = join(folder, name);
    try {
      accessSync(path, constants.X_OK);
      return path;
    } catch {
      // Not in this folder.
    }
  }
  return undefined;
}
