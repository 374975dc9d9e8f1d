import { type AddressInfo, createServer } from "node:net";

/** Where Temporal's server and its web UI are by custom. */
const preferredPorts = { server: 7233, ui: 8233 } as const;

export interface StackPorts {
  readonly server: number;
  readonly ui: number;
}

/** The customary ports where they are free, others where they are taken; what was changed is said in `notes`. */
export async function choosePorts(
  preferred: StackPorts = preferredPorts,
): Promise<{ readonly ports: StackPorts; readonly notes: readonly string[] }> {
  const notes: string[] = [];
  const choose = async (what: string, port: number, taken: readonly number[]): Promise<number> => {
    if (!taken.includes(port) && (await isFree(port))) return port;
    const other = await freePort(taken);
    notes.push(`port ${port} is taken: ${what} listens on ${other} instead`);
    return other;
  };
  const server = await choose("the Temporal server", preferred.server, []);
  const ui = await choose("the web UI", preferred.ui, [server]);
  return { ports: { server, ui }, notes };
}

/** Whether something could listen on this port of the loopback interface now. */
export async function isFree(port: number): Promise<boolean> {
  return (await listenOnce(port)) !== null;
}

async function freePort(taken: readonly number[]): Promise<number> {
  for (;;) {
    const port = await listenOnce(0);
    if (port !== null && !taken.includes(port)) return port;
  }
}

function listenOnce(port: number): Promise<number | null> {
  const server = createServer();
  return new Promise((resolve) => {
    server.once("error", () => resolve(null));
    server.listen({ port, host: "127.0.0.1", exclusive: true }, () => {
      const bound = (server.address() as AddressInfo).port;
      server.close(() => resolve(bound));
    });
  });
}
