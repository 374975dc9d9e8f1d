import { createHash } from "node:crypto";
import { connect, createServer, type Server } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";

/**
 * Runs `work` while no other process of this machine runs work under the same name; waits for the owner otherwise.
 *
 * The lock is a socket in Linux's abstract namespace: binding a name is atomic, and the kernel frees it the moment its
 * owner dies, however it dies. So there is no stale lock to detect and nothing to clean up. Processes in another
 * network namespace (a container that shares the cache) do not see it; installations stay correct there, because
 * each works in a directory of its own and ends in one rename: the lock only spares them doing the work twice.
 */
export async function withLock<T>(name: string, onWait: () => void, work: () => Promise<T>): Promise<T> {
  const digest = createHash("sha256")
    .update(`${process.getuid?.() ?? 0}:${name}`)
    .digest("hex");
  const address = `\0anneal-${digest.slice(0, 32)}`;
  let server = await tryBind(address);
  for (let first = true; server === null; first = false) {
    if (first) onWait();
    await ownerGone(address);
    server = await tryBind(address);
  }
  try {
    return await work();
  } finally {
    for (const socket of sockets.get(server) ?? []) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  }
}

const sockets = new WeakMap<Server, Set<{ destroy(): void }>>();

function tryBind(address: string): Promise<Server | null> {
  return new Promise((resolve, reject) => {
    const waiting = new Set<{ destroy(): void }>();
    const server = createServer((socket) => {
      waiting.add(socket);
      socket.unref();
      // A waiter that dies resets its connection: nothing to do about it, and nothing to crash for.
      socket.on("error", () => socket.destroy());
      socket.on("close", () => waiting.delete(socket));
    });
    sockets.set(server, waiting);
    server.once("error", (cause: NodeJS.ErrnoException) =>
      cause.code === "EADDRINUSE" ? resolve(null) : reject(cause),
    );
    server.listen(address, () => resolve(server));
    server.unref();
  });
}

/** Resolves when the owner closes the connection, which the kernel does for it when it dies. */
async function ownerGone(address: string): Promise<void> {
  await new Promise<void>((resolve) => {
    const socket = connect(address);
    socket.on("error", () => resolve());
    socket.on("close", () => resolve());
    socket.resume();
  });
  // Binding and listening are two moments: do not spin while the owner is between them.
  await sleep(50);
}
