import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { processAlive, tempAnnealHome, waitFor } from "@anneal/testing";
import { afterAll, expect, test } from "vitest";
import { descendants } from "../stack/processes.ts";
import { findServers } from "../stack/server-process.ts";
import { readStackState } from "../stack/state.ts";

const home = tempAnnealHome();
afterAll(() => home[Symbol.dispose]());

interface Demo {
  readonly child: ChildProcess;
  output(): string;
}

function startDemo(): Demo {
  const main = fileURLToPath(new URL("../main.ts", import.meta.url));
  const inherited = Object.entries(process.env).filter(([name]) => !name.startsWith("TEMPORAL_"));
  const child = spawn(process.execPath, [main, "demo"], {
    env: { ...Object.fromEntries(inherited), ...home.env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let text = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.on("data", (chunk) => {
      text += String(chunk);
    });
  }
  return { child, output: () => text };
}

/** Waits until it trains; returns every process that must be gone after its end. */
async function waitForTraining(demo: Demo): Promise<number[]> {
  await waitFor(() => /images\/s/.test(demo.output()), { timeoutMs: 50_000, what: `training: ${demo.output()}` });
  const { server, worker } = readStackState(home.path)!;
  return [server!.pid, worker!.pid, ...descendants(worker!.pid).map(({ pid }) => pid)];
}

test("Ctrl-C saves a checkpoint, ends everything, and the next demo goes on; a second Ctrl-C ends at once", async () => {
  const first = startDemo();
  const pids = await waitForTraining(first);
  expect(pids.length).toBeGreaterThan(2);
  first.child.kill("SIGINT");
  expect(await once(first.child, "exit")).toEqual([130, null]);
  const stoppedAt = Number(/Stopped at step (\d+)\./.exec(first.output())?.[1]);
  expect(stoppedAt).toBeGreaterThan(0);
  expect(pids.filter(processAlive)).toEqual([]);

  const second = startDemo();
  const morePids = await waitForTraining(second);
  expect(second.output()).toContain("run demo goes on from its last checkpoint");
  const steps = [...second.output().matchAll(/step +(\d+)\/1,407/g)].map((match) => Number(match[1]));
  expect(steps.at(-1)).toBeGreaterThanOrEqual(stoppedAt);
  second.child.kill("SIGINT");
  await waitFor(() => second.output().includes("stopping: saving"), { what: "the first Ctrl-C" });
  await delay(300); // sooner it would count as an echo of the first
  second.child.kill("SIGINT");
  await once(second.child, "exit");
  expect(second.child.exitCode).toBe(130);
  await waitFor(() => !morePids.some(processAlive), { what: "all processes to end" });
  expect(findServers(home.path)).toEqual([]);
  expect(readStackState(home.path)).toBeNull();
});
