import { expect, test } from "vitest";
import { isOutOfMemory, saysOutOfMemory } from "./out-of-memory.ts";

test.each([
  // As libtensorflow 2.21 says it; it tries for ten seconds first, so the test does not ask it.
  [
    new Error("Invalid TF_Status: 8\nMessage: OOM when allocating tensor with shape[1000000,1000000] and type float"),
    true,
  ],
  [
    new Error("Session fail to run with error: Status: 5, message: could not execute a primitive, in file mkl.cc"),
    true,
  ],
  [
    new Error("Compute received an exception:Status:1, message: could not create a memory object. in file mkl.cc"),
    true,
  ],
  [new Error("Compute received an exception:Status: 3, message: could not set a memory data handle"), false],
  [new Error("Invalid TF_Status: 10\nMessage: could not allocate memory for the primitive"), true],
  [new Error("Invalid TF_Status: 10\nMessage: the operation was cancelled"), false],
  [new Error("std::bad_alloc"), true],
  [new RangeError("Array buffer allocation failed"), true],
  [Object.assign(new Error("Worker terminated"), { code: "ERR_WORKER_OUT_OF_MEMORY" }), true],
  [Object.assign(new Error("spawn"), { code: "ENOMEM" }), true],
  [new Error("Invalid TF_Status: 3\nMessage: Dimension must be >= 0"), false],
  [new Error("ROOM_TOO_SMALL"), false],
  ["a text", false],
])("%s: out of memory is %s", (cause, expected) => {
  expect(isOutOfMemory(cause)).toBe(expected);
});

test.each([
  ["terminate called after throwing an instance of 'dnnl::error'\n  what():  could not create a primitive\n", true],
  ["# Fatal process out of memory: Failed to reserve virtual memory for CodeRange\n", true],
  ["FATAL ERROR: Reached heap limit Allocation failed - JavaScript heap out of memory\n", true],
  ["Check failed: x == y\n", false],
])("last words %j: out of memory is %s", (text, expected) => {
  expect(saysOutOfMemory(text)).toBe(expected);
});
