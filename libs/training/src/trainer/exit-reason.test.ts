import { trainerExitCodes } from "@anneal/contracts";
import { describe, expect, test } from "vitest";
import { explainExit, readOomKills, type TrainerExit } from "./exit-reason.ts";

const quiet: TrainerExit = { code: null, signal: null, numOomKills: 0, logTail: "", logFile: "/logs/trainer.log" };

describe("explainExit", () => {
  test.each([
    ["the kernel's kill for memory", { signal: "SIGKILL", numOomKills: 1 }, "OUT_OF_MEMORY"],
    ["somebody's kill", { signal: "SIGKILL" }, "TRAINER_CRASHED"],
    ["a kill where the kernel does not tell", { signal: "SIGKILL", numOomKills: null }, "TRAINER_CRASHED"],
    [
      "an allocation that C++ gave up",
      { signal: "SIGABRT", logTail: "terminate called after throwing an instance of 'std::bad_alloc'\n" },
      "OUT_OF_MEMORY",
    ],
    [
      "V8's heap limit",
      {
        signal: "SIGABRT",
        logTail: "FATAL ERROR: Reached heap limit Allocation failed - JavaScript heap out of memory\n",
      },
      "OUT_OF_MEMORY",
    ],
    ["a failed check", { signal: "SIGABRT", logTail: "Check failed: x == y\n" }, "TRAINER_CRASHED"],
    ["a broken pointer", { signal: "SIGSEGV", logTail: "an older std::bad_alloc" }, "TRAINER_CRASHED"],
    ["an engine thread that was lost", { code: trainerExitCodes.engineLost }, "TRAINER_CRASHED"],
    [
      "an engine thread without memory",
      { code: trainerExitCodes.engineLost, logTail: "Error [ERR_WORKER_OUT_OF_MEMORY]: Worker terminated" },
      "OUT_OF_MEMORY",
    ],
  ] as const)("%s", (_name, exit, code) => {
    const error = explainExit({ ...quiet, ...exit });
    expect(error.code).toBe(code);
    expect(error.facts).toMatchObject({ logFile: quiet.logFile });
  });

  test("repeats the last line of the log", () => {
    const greeting = "I0000 00:00:1795492614.132841    4910 port.cc:153] oneDNN custom operations are on.\n";
    const error = explainExit({ ...quiet, code: 1, logTail: `one\nError: two\n${greeting}` });
    expect(error.message).toBe("the trainer exited with code 1: Error: two");
  });
});

test("readOomKills reads the process's own control group, and is null where there is none", () => {
  const files: Record<string, string> = {
    "/proc/self/cgroup": "0::/box/trainer\n",
    "/sys/fs/cgroup/box/trainer/memory.events": "low 0\nmax 3\noom 2\noom_kill 2\n",
  };
  const read = (path: string) => {
    const text = files[path];
    if (text === undefined) throw new Error(`no ${path}`);
    return text;
  };
  expect(readOomKills(read)).toBe(2);
  expect(readOomKills((path) => (path === "/proc/self/cgroup" ? "1:name=systemd:/\n" : read(path)))).toBeNull();
});
