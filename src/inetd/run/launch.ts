/**
 * Starting a program by posix_spawn(3): the program's texts lie ready in native form, so that a start costs little more
 * than the call itself. The child shares this process's memory until it executes the program (CLONE_VFORK), so it does not
 * matter how large that memory is, and this thread waits for no longer than that.
 */
import { O_RDONLY, POSIX_SPAWN_SETPGROUP, POSIX_SPAWN_SETSIGDEF, POSIX_SPAWN_SETSIGMASK } from "../../abi/index.ts";
import { checked } from "../../socket/index.ts";
import {
  addressOf,
  posix_spawn,
  posix_spawn_file_actions_addchdir_np,
  posix_spawn_file_actions_addclosefrom_np,
  posix_spawn_file_actions_adddup2,
  posix_spawn_file_actions_addopen,
  posix_spawn_file_actions_destroy,
  posix_spawn_file_actions_init,
  posix_spawnattr_init,
  posix_spawnattr_setflags,
  posix_spawnattr_setsigdefault,
  SPAWN_OBJECT_BYTES,
} from "../../sys/index.ts";

/** What {@link Launch} starts. */
export interface LaunchPlan {
  readonly path: string;
  readonly argv: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  readonly directory: string;
  readonly umask: number | undefined;
  /** The program's descriptors that the socket becomes; those of 0, 1 and 2 that it does not are nothing and our standard error. */
  readonly targets: readonly number[];
}

/** sizeof(sigset_t), in glibc and musl alike. */
const SIGSET_BYTES = 128;
const [STANDARD_INPUT, STANDARD_OUTPUT, STANDARD_ERROR] = [0, 1, 2];

export class Launch {
  readonly #path: string;
  readonly #argv: NativeTexts;
  readonly #environment: readonly string[];
  readonly #fixedEnvironment: NativeTexts;
  readonly #directory: string;
  readonly #umask: number | undefined;
  readonly #targets: readonly number[];
  readonly #attributes: Uint8Array;
  readonly #pid = new Int32Array(1);

  constructor({ path, argv, environment, directory, umask, targets }: LaunchPlan) {
    this.#path = path;
    this.#argv = new NativeTexts(argv);
    this.#environment = Object.entries(environment).map(([name, value]) => `${name}=${value}`);
    this.#fixedEnvironment = new NativeTexts(this.#environment);
    this.#directory = directory;
    this.#umask = umask;
    this.#targets = targets;
    this.#attributes = spawnAttributes();
  }

  /**
   * Starts the program.
   * @param fd the socket; it stays open here.
   * @param more put into the environment for this one start, as `NAME=value`.
   * @returns the process's number. It is a zombie from its end until somebody waits for it.
   * @throws SystemError ENOENT, EACCES, ENOEXEC, EAGAIN, ENOMEM …
   */
  start(fd: number, more: readonly string[]): number {
    const environment = more.length === 0 ? this.#fixedEnvironment : this.#fixedEnvironment.with(more);
    const actions = new Uint8Array(SPAWN_OBJECT_BYTES);
    check("posix_spawn_file_actions_init", posix_spawn_file_actions_init(actions));
    // The umask is the process's own: it is inherited at the very moment of the call, and then as before.
    const umask = this.#umask === undefined ? undefined : process.umask(this.#umask);
    try {
      for (const target of this.#targets) {
        check("posix_spawn_file_actions_adddup2", posix_spawn_file_actions_adddup2(actions, fd, target));
      }
      this.#addStandard(actions);
      const firstClosed = Math.max(STANDARD_ERROR, ...this.#targets) + 1;
      check("posix_spawn_file_actions_addclosefrom_np", posix_spawn_file_actions_addclosefrom_np(actions, firstClosed));
      const directory = posix_spawn_file_actions_addchdir_np(actions, this.#directory);
      check("posix_spawn_file_actions_addchdir_np", directory);
      const argv = this.#argv.addresses;
      const result = posix_spawn(this.#pid, this.#path, actions, this.#attributes, argv, environment.addresses);
      checked("posix_spawn", result, { path: this.#path });
      // SAFETY: both lists keep the texts that they point into, and are used until here, after the call.
      if (!this.#argv.isKept || !environment.isKept) throw new TypeError("a text was lost");
      return this.#pid[0] as number;
    } finally {
      if (umask !== undefined) process.umask(umask);
      posix_spawn_file_actions_destroy(actions);
    }
  }

  /**
   * Of descriptors 0, 1 and 2, those that are not the socket: nothing to read, and to write our standard error, for our
   * standard output is our own. Node has made all three close-on-exec, and programs write into the wrong file without them.
   */
  #addStandard(actions: Uint8Array): void {
    if (!this.#targets.includes(STANDARD_INPUT)) {
      const opened = posix_spawn_file_actions_addopen(actions, STANDARD_INPUT, "/dev/null", O_RDONLY, 0);
      check("posix_spawn_file_actions_addopen", opened);
    }
    for (const target of [STANDARD_OUTPUT, STANDARD_ERROR]) {
      if (this.#targets.includes(target)) continue;
      const added = posix_spawn_file_actions_adddup2(actions, STANDARD_ERROR, target);
      check("posix_spawn_file_actions_adddup2", added);
    }
  }
}

/**
 * Every signal as a program expects it, none blocked (Node ignores SIGPIPE); and a process group of its own, so that what
 * the program starts can be ended with it, and the terminal's Ctrl-C reaches only the super-server.
 */
function spawnAttributes(): Uint8Array {
  const attributes = new Uint8Array(SPAWN_OBJECT_BYTES);
  check("posix_spawnattr_init", posix_spawnattr_init(attributes));
  const flags = POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETPGROUP;
  check("posix_spawnattr_setflags", posix_spawnattr_setflags(attributes, flags));
  const all = new Uint8Array(SIGSET_BYTES).fill(0xff);
  check("posix_spawnattr_setsigdefault", posix_spawnattr_setsigdefault(attributes, all));
  return attributes;
}

function check(syscall: string, result: number): void {
  checked(syscall, result);
}

/** Texts as C has them: an array of addresses, with a 0 at its end. */
class NativeTexts {
  readonly addresses: BigUint64Array;
  /** What the addresses point into. */
  readonly #bytes: readonly Uint8Array[];

  constructor(texts: readonly string[], base?: NativeTexts) {
    const encoded = texts.map((text) => Buffer.from(`${text}\0`));
    const bytes = Buffer.allocUnsafeSlow(encoded.reduce((sum, { length }) => sum + length, 0) || 1);
    const first = BigInt(addressOf(bytes));
    const before = base?.addresses.subarray(0, -1) ?? new BigUint64Array(0);
    this.addresses = new BigUint64Array(before.length + texts.length + 1);
    this.addresses.set(before);
    let offset = 0;
    encoded.forEach((text, index) => {
      bytes.set(text, offset);
      this.addresses[before.length + index] = first + BigInt(offset);
      offset += text.length;
    });
    this.#bytes = [...(base?.parts ?? []), bytes];
  }

  /** True: the texts are there. Asking after a call keeps them until then. */
  get isKept(): boolean {
    return this.#bytes.length > 0;
  }

  get parts(): readonly Uint8Array[] {
    return this.#bytes;
  }

  /** These and more behind them. */
  with(texts: readonly string[]): NativeTexts {
    return new NativeTexts(texts, this);
  }
}
