import { expect, test } from "vitest";
import { freeUnusedMemory } from "./freeUnusedMemory.ts";

test("what nothing refers to any more is gone", async () => {
  const kept = { values: new Array(1_000).fill(1) };
  const references = [new WeakRef(kept), new WeakRef({ values: new Array(1_000).fill(2) })];
  // A weak reference holds what it refers to until the turn ends.
  await new Promise(setImmediate);
  freeUnusedMemory();
  expect(references.map((reference) => reference.deref())).toEqual([kept, undefined]);
});
