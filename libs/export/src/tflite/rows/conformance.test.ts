import { opTable } from "@anneal/graph";
import { expect, test } from "vitest";
import { describeRows } from "../../test-support/tflite-rows.ts";
import { tfliteRows } from "./index.ts";
import { unwritten } from "./unwritten.ts";

/** A few calls of each op; many more are in the slow lane. */
describeRows(5);

test("every op that a model can predict with has a row, or a reason why not", () => {
  const known = [...Object.keys(tfliteRows), ...Object.keys(unwritten)];
  expect(known.sort()).toEqual(Object.keys(opTable).sort());
});
