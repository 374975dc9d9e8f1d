import { trainerExitCodes } from "@anneal/contracts";
import { describe, expect, test } from "vitest";
import { explainExit, type TrainerExit } from "./exit-reason.ts";

const gibibyte = 2 ** 30;
const quiet: TrainerExit = {
  code: null,
  signal: null,
  numOomKills: 0,
  memory: { rssBytes: gibibyte, limits: [] },
  granted: { bytes: 4 * gibibyte, source: "its control group" },
  logTail: "",
  logFile: "/logs/trainer.log",
};
const almostFull = { ...quiet.memory!, rssBytes: 3.9 * gibibyte };
const limited = { ...quiet.memory!, limits: [{ usedBytes: 10 * gibibyte, limitBytes: 24 * gibibyte }] };

describe("explainExit", () => {
  test.each([
    ["the kernel's kill for memory", { signal: "SIGKILL", numOomKills: 1 }, "OUT_OF_MEMORY"],
    ["somebody's kill", { signal: "SIGKILL" }, "TRAINER_CRASHED"],
    ["a kill where the kernel does not tell", { signal: "SIGKILL", numOomKills: null }, "TRAINER_CRASHED"],
    [
      "a kill of one that had almost all",
      { signal: "SIGKILL", numOomKills: null, memory: almostFull },
      "OUT_OF_MEMORY",
    ],
    ["a kill of one that was never looked at", { signal: "SIGKILL", memory: null }, "TRAINER_CRASHED"],
    [
      "oneDNN without memory",
      {
        signal: "SIGABRT",
        logTail:
          "terminate called after throwing an instance of 'dnnl::error'\n  what():  could not create a primitive\n",
      },
      "OUT_OF_MEMORY",
    ],
    [
      "an isolate that V8 could not make",
      { signal: "SIGTRAP", logTail: "# Fatal process out of memory: Failed to reserve virtual memory for CodeRange\n" },
      "OUT_OF_MEMORY",
    ],
    ["a broken pointer of a process with limits", { signal: "SIGSEGV", memory: limited }, "OUT_OF_MEMORY"],
    ["a failed check of a process with limits", { signal: "SIGABRT", memory: limited }, "OUT_OF_MEMORY"],
    ["an exit of a process with limits", { code: 1, memory: limited }, "TRAINER_CRASHED"],
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
