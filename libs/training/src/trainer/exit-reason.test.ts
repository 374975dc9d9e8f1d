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

describe("readOomKills", () => {
  const v2 = {
    "/proc/self/cgroup": "0::/box/trainer\n",
    "/sys/fs/cgroup/box/trainer/memory.events": "low 0\nmax 3\noom 2\noom_kill 2\noom_group_kill 0\n",
  };
  const v1 = {
    "/proc/self/cgroup": "11:cpu,cpuacct:/other\n9:memory:/box/trainer\n1:name=systemd:/x\n0::/\n",
    "/sys/fs/cgroup/memory/box/trainer/memory.oom_control": "oom_kill_disable 0\nunder_oom 0\noom_kill 3\n",
  };
  const machine = { "/proc/vmstat": "nr_free_pages 9\noom_kill 4\n" };

  test.each([
    ["the process's own control group", { ...v2, ...machine }, 2],
    ["its group in cgroup v1", { ...v1, ...machine }, 3],
    [
      "cgroup v1 in a container, whose group has the host's path",
      {
        "/proc/self/cgroup": "9:hugetlb,memory:/docker/abc\n",
        "/sys/fs/cgroup/memory/memory.oom_control": "oom_kill_disable 0\noom_kill 1\n",
      },
      1,
    ],
    ["the machine, for a process in the root group", { "/proc/self/cgroup": "0::/\n", ...machine }, 4],
    [
      "the machine, where an old kernel's group does not count",
      { ...v1, "/sys/fs/cgroup/memory/box/trainer/memory.oom_control": "under_oom 0\n", ...machine },
      4,
    ],
    ["nothing", {}, null],
  ] as const)("reads %s", (_name, files, expected) => {
    const read = (path: string) => {
      const text = (files as Readonly<Record<string, string>>)[path];
      if (text === undefined) throw new Error(`no ${path}`);
      return text;
    };
    expect(readOomKills(read)).toBe(expected);
  });
});
