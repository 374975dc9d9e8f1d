/**
 * Health of the worker in this container: exit status 0 while the Temporal server has seen it poll not long ago.
 *
 * Asking the server covers what a look at the process cannot: a lost connection, a wrong address, a stuck event loop.
 */
import { spawnSync } from "node:child_process";
import { hostname } from "node:os";
import { pathToFileURL } from "node:url";

/** A poll waits up to a minute for work; two missed ones are too many. */
const maxSilenceMs = 150_000;

interface TaskQueue {
  readonly pollers?: readonly { readonly identity?: string; readonly lastAccessTime?: string }[];
}

/** Whether a worker on `host` is among the pollers that `description` (JSON of `temporal task-queue describe`) tells of. */
export function isPolling(description: string, host: string, nowMs: number): boolean {
  const { pollers } = JSON.parse(description) as TaskQueue;
  return (pollers ?? []).some(({ identity, lastAccessTime }) => {
    // The SDK's default identity is `<pid>@<host>`.
    return identity?.endsWith(`@${host}`) === true && nowMs - Date.parse(lastAccessTime ?? "") < maxSilenceMs;
  });
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  const query = ["task-queue", "describe", "--task-queue", "anneal", "--output", "json"];
  const { status, stdout, stderr } = spawnSync("temporal", query, { encoding: "utf8", timeout: 10_000 });
  const healthy = status === 0 && isPolling(stdout, hostname(), Date.now());
  console.log(healthy ? "polling" : `not polling: ${stderr || stdout}`);
  process.exitCode = healthy ? 0 : 1;
}
