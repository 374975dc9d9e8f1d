import { spawn } from "node:child_process";
import { once } from "node:events";
import { expect, test } from "vitest";
import { descendants, endProcess, findByArguments, identify, isAlive, waitForEnd } from "./processes.ts";

test("a process is told from another one that got its pid", () => {
  const self = identify(process.pid);
  expect(self).not.toBeNull();
  expect(isAlive(self!)).toBe(true);
  expect(isAlive({ ...self!, startTicks: self!.startTicks + 1 })).toBe(false);
});

test("a process that ignores SIGTERM is killed after its grace, and its children with it", async () => {
  const marker = `marker-${process.pid}`;
  const child = spawn("sh", ["-c", 'trap "" TERM; sleep 600 & echo ready; wait; wait', marker], {
    stdio: ["ignore", "pipe", "ignore"],
  });
  await once(child.stdout, "data");
  const identity = identify(child.pid!);
  const [sleeper] = descendants(child.pid!);
  expect(findByArguments(marker, "-c")).toEqual([identity]);
  await endProcess(identity!, 50);
  expect(isAlive(identity!)).toBe(false);
  expect(await waitForEnd(sleeper!, 0)).toBe(true);
});

test("an ended process has no identity", async () => {
  const child = spawn("true");
  const pid = child.pid!;
  await once(child, "exit");
  expect(identify(pid)).toBeNull();
});
