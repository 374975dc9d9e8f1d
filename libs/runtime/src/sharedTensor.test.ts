import { beforeAll, expect, test } from "vitest";
import { loadTensorflow, type Tfjs } from "./index.ts";
import { createSharedTensor, tensorAlignmentBytes } from "./sharedTensor.ts";

let tf: Tfjs;
beforeAll(() => {
  tf = loadTensorflow({ numIntraOpThreads: 2, numInterOpThreads: 2 }).tf;
});

/** Shared memory that starts on a page. */
const pages = (numBytes: number) => new SharedArrayBuffer(numBytes, { maxByteLength: numBytes });

const size = 256;
const shape = [size];

/** Shared memory, a float32 view of it at `byteOffset` filled with ones, and a way to overwrite it. */
function slot(byteOffset: number) {
  const buffer = pages(size * 4 + tensorAlignmentBytes);
  const view = new Float32Array(buffer, byteOffset, size).fill(1);
  return { buffer, view, overwrite: () => view.fill(2) };
}

const mean = (tensor: ReturnType<Tfjs["tensor"]>) => tensor.mean().dataSync()[0];

test("aligned: the memory is aliased, so overwriting it before an op changes that op's result", () => {
  const { buffer, overwrite } = slot(tensorAlignmentBytes);
  const tensor = createSharedTensor(tf, { buffer, byteOffset: tensorAlignmentBytes, shape, dtype: "float32" });
  expect(mean(tensor)).toBe(1);
  overwrite();
  expect(mean(tensor)).toBe(2);
  tensor.dispose();
});

test("misaligned: TensorFlow copies at the first op, so overwriting later changes nothing", () => {
  const { view, overwrite } = slot(4);
  const tensor = tf.tensor(view, shape);
  expect(mean(tensor)).toBe(1);
  overwrite();
  expect(mean(tensor)).toBe(1);
  tensor.dispose();
});

test.each([tensorAlignmentBytes, 4])("the memory is read by the first op, not by tf.tensor (offset %i)", (offset) => {
  const { view, overwrite } = slot(offset);
  const tensor = tf.tensor(view, shape);
  overwrite();
  expect(mean(tensor)).toBe(2);
  tensor.dispose();
});

test("a reshape aliases too", () => {
  const { buffer, overwrite } = slot(0);
  const tensor = createSharedTensor(tf, { buffer, byteOffset: 0, shape, dtype: "float32" });
  const reshaped = tensor.reshape([16, 16]);
  expect(mean(reshaped)).toBe(1);
  tensor.dispose();
  overwrite();
  expect(mean(reshaped)).toBe(2);
  reshaped.dispose();
});

test("results are their own memory: overwriting after the step has returned changes nothing", () => {
  const { buffer, overwrite } = slot(0);
  const weight = tf.variable(tf.scalar(3));
  const tensor = createSharedTensor(tf, { buffer, byteOffset: 0, shape, dtype: "float32" });
  const { value, grads } = tf.variableGrads(() => tf.mean(tf.mul(tensor, weight)));
  const relu = tf.relu(tensor);
  tensor.dispose();
  overwrite();
  expect(value.dataSync()[0]).toBe(3);
  expect(grads[weight.name]?.dataSync()[0]).toBe(1);
  expect(mean(relu)).toBe(1);
});

test("int32 is aliased, uint8 is converted at once", () => {
  const integers = pages(64);
  new Int32Array(integers).set([1, 2, 3, 4]);
  const whole = createSharedTensor(tf, { buffer: integers, byteOffset: 0, shape: [2, 2], dtype: "int32" });
  expect(whole.dtype).toBe("int32");
  expect(whole.sum().dataSync()[0]).toBe(10);
  new Int32Array(integers).fill(0);
  expect(whole.sum().dataSync()[0]).toBe(0);

  const bytes = pages(64);
  new Uint8Array(bytes).set([0, 1, 128, 255]);
  const numTensors = tf.memory().numTensors;
  const image = createSharedTensor(tf, { buffer: bytes, byteOffset: 0, shape: [2, 2], dtype: "uint8" });
  expect(tf.memory().numTensors).toBe(numTensors + 1);
  new Uint8Array(bytes).fill(7);
  expect(image.dtype).toBe("float32");
  expect(image.arraySync()).toEqual([
    [0, 1],
    [128, 255],
  ]);
});

test("what would silently be copied is refused", () => {
  const buffer = pages(128);
  expect(() => createSharedTensor(tf, { buffer, byteOffset: 4, shape: [4], dtype: "float32" })).toThrow(RangeError);
});

test.each([64, 70_000, 1_000_000, 40_000_000])(
  "growable shared memory of %i bytes is aligned from its first byte",
  (numBytes) => {
    const buffer = pages(numBytes);
    const view = new Float32Array(buffer, 0, 16);
    const tensor = createSharedTensor(tf, { buffer, byteOffset: 0, shape: [16], dtype: "float32" });
    expect(mean(tensor)).toBe(0);
    view.fill(2);
    expect(mean(tensor)).toBe(2);
    tensor.dispose();
  },
);
