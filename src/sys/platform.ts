/** One clear error at import, before any symbol of libc is touched, where Portolan cannot work. */

const OLDEST_NODE = [20, 19] as const;

/** A machine that the ABI tables know. */
export type Architecture = "x64" | "arm64";

/**
 * The processor architecture whose layouts and call numbers apply.
 * @throws Error with code `ERR_PORTOLAN_PLATFORM` on anything but Linux on x64 or arm64 with Node 20.19 or newer.
 */
export function checkPlatform(platform: string, arch: string, nodeVersion: string): Architecture {
  const [major = 0, minor = 0] = nodeVersion.split(".").map(Number);
  const nodeIsOldEnough = major > OLDEST_NODE[0] || (major === OLDEST_NODE[0] && minor >= OLDEST_NODE[1]);
  if (platform === "linux" && (arch === "x64" || arch === "arm64") && nodeIsOldEnough) return arch;
  const error = new Error(
    `portolan needs Linux on x64 or arm64 and Node ${OLDEST_NODE.join(".")} or newer; ` +
      `this is ${platform} on ${arch} with Node ${nodeVersion}`,
  );
  throw Object.assign(error, { code: "ERR_PORTOLAN_PLATFORM" });
}

/** The machine that this runs on. */
export const architecture: Architecture = checkPlatform(process.platform, process.arch, process.versions.node);
