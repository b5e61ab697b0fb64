/** How requests a second grow with workers: only where there are cores for them, and for a load that keeps up. */
import { type How, measureCommand } from "./measure.ts";
import { designCommand } from "./subjects.ts";

/** Fewer would measure how threads share a core. */
const LEAST_CORES = 4;
const CONNECTIONS = 64;
const PARALLEL = 16;

/** How many workers to try, and on which cores. */
export interface ScalingPlan {
  /** Half of the cores serve, the others are the load's and the system's. */
  readonly serverCores: readonly number[];
  readonly loadCores: readonly number[];
  readonly workers: readonly number[];
}

export interface NoScaling {
  readonly notMeasured: string;
}

export interface Scaling {
  readonly points: readonly { readonly workers: number; readonly requestsPerSecond: number }[];
}

/** Decides what can be measured with these cores. */
export function planScaling(cores: readonly number[], canPin: boolean): NoScaling | ScalingPlan {
  if (cores.length < LEAST_CORES) {
    const have = cores.length === 1 ? "1 core" : `${cores.length} cores`;
    return { notMeasured: `it takes at least ${LEAST_CORES} cores, and this process may use ${have}` };
  }
  if (!canPin) return { notMeasured: "taskset, which gives server and load their cores, is not installed" };
  const half = Math.floor(cores.length / 2);
  const workers: number[] = [];
  for (let count = 1; count <= half; count *= 2) workers.push(count);
  return { serverCores: cores.slice(-half), loadCores: cores.slice(0, cores.length - half), workers };
}

/** Measures epoll with each number of workers. The load is one thread, so it bounds what can be seen. */
export async function measureScaling({ serverCores, loadCores, workers }: ScalingPlan, how: How): Promise<Scaling> {
  const points: { workers: number; requestsPerSecond: number }[] = [];
  for (const count of workers) {
    const cores = { server: serverCores.slice(0, count).join(","), load: loadCores.join(",") };
    const command = designCommand("epoll", count);
    const { requestsPerSecond } = await measureCommand(command, CONNECTIONS, PARALLEL, { ...how, cores });
    points.push({ workers: count, requestsPerSecond });
  }
  return { points };
}
