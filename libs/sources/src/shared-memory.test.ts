import { closeSync, openSync, readFileSync, readSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { alignUp, allocateShared } from "./shared-memory.ts";

test("sizes are rounded up to whole 64-byte lines", () => {
  expect([0, 1, 64, 65].map(alignUp)).toEqual([0, 64, 64, 128]);
});

/** Writable address ranges of this process. */
function writableRanges(): { start: number; end: number }[] {
  const lines = readFileSync("/proc/self/maps", "utf8").matchAll(/^([0-9a-f]+)-([0-9a-f]+) rw/gm);
  return [...lines].map(([, start = "", end = ""]) => ({
    start: Number.parseInt(start, 16),
    end: Number.parseInt(end, 16),
  }));
}

/** The address at which `bytes` lies, searched in the memory that became writable since `before`. */
function addressOf(bytes: Uint8Array, before: readonly { start: number; end: number }[]): number {
  const tag = crypto.getRandomValues(new Uint8Array(32));
  bytes.set(tag);
  const memory = openSync("/proc/self/mem", "r");
  try {
    for (let { start, end } of writableRanges()) {
      for (const old of before) {
        if (old.start <= start && old.end > start) start = old.end;
        if (old.end >= end && old.start < end) end = old.start;
      }
      if (end - start < bytes.length) continue;
      const copy = Buffer.alloc(end - start);
      readSync(memory, copy, 0, copy.length, start);
      const at = copy.indexOf(tag);
      if (at >= 0) return start + at;
    }
  } finally {
    closeSync(memory);
  }
  throw new Error("the buffer is not in the memory map");
}

// Addresses are read from /proc/self/maps, which only Linux has.
describe.runIf(process.platform === "linux")("shared memory", () => {
  test("starts on a page boundary of the process's address space, which TensorFlow aliases", () => {
    for (const numBytes of [33_000_123, 40_000_001]) {
      const before = writableRanges();
      const buffer = allocateShared(numBytes);
      expect(addressOf(new Uint8Array(buffer, 0, numBytes), before) % 4_096).toBe(0);
    }
  });
});
