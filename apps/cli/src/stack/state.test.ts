import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { tempAnnealHome } from "@anneal/testing";
import { expect, test } from "vitest";
import { bootId, identify } from "./processes.ts";
import { readStackState, removeStackState, type StackState, writeStackState } from "./state.ts";

const state: StackState = {
  version: 1,
  bootId: bootId(),
  status: "ready",
  mode: "local",
  address: "127.0.0.1:7233",
  namespace: "default",
  uiUrl: "http://localhost:8233",
  supervisor: identify(process.pid)!,
  server: null,
  worker: { pid: 1, startTicks: 2 },
  restarts: { server: 0, worker: 3 },
  startedAt: "2026-11-24T03:00:00.000Z",
};

test("what was written is read, until it is removed", () => {
  using home = tempAnnealHome();
  expect(readStackState(home.path)).toBeNull();
  writeStackState(home.path, state);
  expect(readStackState(home.path)).toEqual(state);
  removeStackState(home.path);
  expect(readStackState(home.path)).toBeNull();
});

test("the state of another boot, and what is no state, count as none", () => {
  using home = tempAnnealHome();
  writeStackState(home.path, { ...state, bootId: "another" });
  expect(readStackState(home.path)).toBeNull();
  for (const text of ["", "{", "[]", JSON.stringify({ ...state, supervisor: { pid: "1" } })]) {
    writeFileSync(join(home.path, "up.json"), text);
    expect(readStackState(home.path)).toBeNull();
  }
});
