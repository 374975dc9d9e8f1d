import { expect, test } from "vitest";
import { bytesInWords, resolveBudget } from "./memory-budget.ts";

const machine = { bytes: 24 * 2 ** 30, source: "the machine" };

test.each([
  ["512MiB", 512 * 2 ** 20, "512 MiB"],
  ["1.5 GiB", 1.5 * 2 ** 30, "1.5 GiB"],
  ["500MB", 500_000_000, "477 MiB"],
  ["50%", 12 * 2 ** 30, "12 GiB: 50% of the 24 GiB of the machine"],
  ["12.5%", 3 * 2 ** 30, "3 GiB: 12.5% of the 24 GiB of the machine"],
  ["1TiB", 24 * 2 ** 30, "the 24 GiB of the machine, less than the 1TiB that were asked for"],
  ["150%", 24 * 2 ** 30, "24 GiB: 150% of the 24 GiB of the machine"],
])("a budget of %s is %d bytes", (text, bytes, inWords) => {
  expect(resolveBudget(text, machine)).toEqual({ bytes, inWords, grantedBytes: machine.bytes });
});

test("what is no amount is refused", () => {
  for (const text of ["", "512", "MiB", "50 percent", "-1GiB"])
    expect(() => resolveBudget(text, machine)).toThrow(RangeError);
});

test.each([
  [0, "0 KiB"],
  [1_000, "0.977 KiB"],
  [2 ** 20 - 1, "1024 KiB"],
  [812.4 * 2 ** 20, "812 MiB"],
  [1.43 * 2 ** 30, "1.43 GiB"],
  [5_000 * 2 ** 40, "5000 TiB"],
])("%d bytes are %s", (bytes, inWords) => {
  expect(bytesInWords(bytes)).toBe(inWords);
});
