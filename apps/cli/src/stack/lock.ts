import { createHash } from "node:crypto";
import { connect, createServer, type Server } from "node:net";

/**
 * One supervisor a home: the lock is a listening socket in Linux's abstract namespace. It has no file, so nothing
 * can be left behind: the kernel frees the name when its holder dies, however that happens. The holder answers with
 * its pid, so that it is found even when `up.json` was deleted.
 */
export interface SupervisorLock {
  release(): Promise<void>;
}

/** Takes the lock, or returns null when another process holds it. */
export function acquireLock(home: string): Promise<SupervisorLock | null> {
  const server = createServer((socket) => {
    socket.on("error", () => socket.destroy());
    socket.end(`${process.pid}\n`);
  });
  return new Promise((resolve, reject) => {
    server.once("error", (error: NodeJS.ErrnoException) => {
      if (error.code === "EADDRINUSE") resolve(null);
      else reject(error);
    });
    server.listen({ path: lockName(home) }, () => {
      server.unref();
      resolve({ release: () => close(server) });
    });
  });
}

/** Pid of the lock's holder, or null when nobody holds it. */
export function lockHolder(home: string): Promise<number | null> {
  return new Promise((resolve) => {
    const socket = connect({ path: lockName(home) });
    let answer = "";
    socket.setTimeout(2_000, () => socket.destroy());
    socket.on("data", (chunk) => {
      answer += chunk.toString();
    });
    socket.on("error", () => resolve(null));
    socket.on("close", () => resolve(Number.parseInt(answer, 10) || null));
  });
}

function lockName(home: string): string {
  const digest = createHash("sha256").update(home).digest("hex").slice(0, 32);
  return `\0anneal-supervisor-${process.getuid?.() ?? 0}-${digest}`;
}

function close(server: Server): Promise<void> {
  return new Promise((resolve) => server.close(() => resolve()));
}
