import { tempAnnealHome } from "@anneal/testing";
import { afterAll, expect, test } from "vitest";
import { bootId, identify, type ProcessIdentity } from "./processes.ts";
import { writeStackState } from "./state.ts";
import { cancelHint, missingWorkerNote } from "./worker-hints.ts";

const home = tempAnnealHome();
afterAll(() => home[Symbol.dispose]());
const living = identify(process.pid)!;
const dead: ProcessIdentity = { ...living, startTicks: living.startTicks - 1 };

function hints(supervisor: ProcessIdentity, worker: ProcessIdentity | null, isLocal = true) {
  writeStackState(home.path, {
    version: 1,
    bootId: bootId(),
    status: "ready",
    mode: isLocal ? "local" : "remote",
    address: "127.0.0.1:7233",
    namespace: "default",
    uiUrl: null,
    supervisor,
    server: null,
    worker,
    restarts: { server: 0, worker: 0 },
    startedAt: "2026-11-24T03:00:00.000Z",
  });
  return [missingWorkerNote(home.path, { isLocal }), cancelHint(home.path, { isLocal })];
}

test("with supervisor and worker dead, both name the remedy", () => {
  const note = "no worker is running: anneal up";
  expect(hints(dead, dead)).toEqual([note, note]);
});

test("a worker that is being started again is not asked of the person", () => {
  const note = "no worker is running: the supervisor starts it again";
  expect(hints(living, null)).toEqual([note, note]);
});

test("with a living worker, the trainer is what a cancellation waits for", () => {
  expect(hints(living, living)).toEqual([null, expect.stringContaining("trainer")]);
});

test("workers of a server elsewhere may be elsewhere, too", () => {
  expect(hints(dead, dead, false)).toEqual([null, expect.stringContaining("is one running?")]);
});
