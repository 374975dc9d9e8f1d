import { expect, test } from "vitest";
import { AnnealError, defect, failureTable, isErrorCode, nullOn, toAnnealError } from "./errors.ts";

test("what has no code is a defect, and keeps its cause", () => {
  const cause = new TypeError("x is not a function");
  const error = toAnnealError(cause);
  expect(error).toMatchObject({ code: "INTERNAL", message: cause.message, remedy: defect("").remedy, cause });
  expect(toAnnealError(error)).toBe(error);
});

test("nullOn turns one code into null, and no other", async () => {
  const failing = (code: "RUN_NOT_FOUND" | "DISK_FULL"): Promise<number> =>
    Promise.reject(new AnnealError(code, "no", "none"));
  expect(await nullOn("RUN_NOT_FOUND", failing("RUN_NOT_FOUND"))).toBeNull();
  expect(await nullOn("RUN_NOT_FOUND", Promise.resolve(7))).toBe(7);
  await expect(nullOn("RUN_NOT_FOUND", failing("DISK_FULL"))).rejects.toMatchObject({ code: "DISK_FULL" });
});

test("codes are told from other texts, inherited names among them", () => {
  expect(Object.keys(failureTable).every(isErrorCode)).toBe(true);
  for (const value of ["toString", "", "Error", 7, null]) expect(isErrorCode(value)).toBe(false);
});
