/** Every service at ports of its own, served in this process. */
import { type Server, serve } from "portolan/server";
import { findService, type ServiceEntry, services } from "portolan/service";

export type PortTransport = "tcp" | "udp";

export interface Served extends AsyncDisposable {
  endpoint(name: string, transport: PortTransport): string;
  /** By service and transport. */
  readonly ports: Readonly<Record<string, Readonly<Partial<Record<PortTransport, number>>>>>;
}

/** Serves all services over TCP and UDP, wherever they have them, or those named. */
export async function serveAll(names: readonly string[] = services.map(({ name }) => name)): Promise<Served> {
  const servers: Server[] = [];
  const ports: Record<string, Partial<Record<PortTransport, number>>> = {};
  for (const name of names) {
    const entry = findService(name) as ServiceEntry;
    const own: Partial<Record<PortTransport, number>> = {};
    for (const transport of ["tcp", "udp"] as const) {
      if (!entry.transports.includes(transport)) continue;
      const server = await serve(entry.reference(), { listen: `${transport}://127.0.0.1:0`, placement: "node" });
      servers.push(server);
      own[transport] = Number(server.endpoint.split(":")[2]);
    }
    ports[name] = own;
  }
  return {
    ports,
    endpoint(name, transport) {
      const port = ports[name]?.[transport];
      if (port === undefined) throw new Error(`${name} is not served over ${transport}`);
      return `${transport}://127.0.0.1:${port}`;
    },
    async [Symbol.asyncDispose]() {
      await Promise.all(servers.map((server) => server.stop({ graceMs: 0 })));
    },
  };
}
