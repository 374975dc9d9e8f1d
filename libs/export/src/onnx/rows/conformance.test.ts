import { opTable } from "@anneal/graph";
import { expect, test } from "vitest";
import { describeOnnxRows } from "../../test-support/onnx-rows.ts";
import { onnxRows } from "./index.ts";
import { unwritten } from "./unwritten.ts";

/** A few calls of each op; many more are in the slow lane. */
describeOnnxRows(5);

test("every op that a model can predict with has a row, or a reason why not", () => {
  const known = [...Object.keys(onnxRows), ...Object.keys(unwritten)];
  expect(known.sort()).toEqual(Object.keys(opTable).sort());
});
