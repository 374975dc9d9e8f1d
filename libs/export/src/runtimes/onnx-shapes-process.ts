import type { Tensor } from "onnxruntime-node";
import type { RuntimeAnswer } from "./ask-process.ts";
import type { FoundValue, ShapesRequest } from "./onnx-runtime.ts";

/** Runs one file once, on zeros, and answers with the types of its outputs; see `onnx-runtime.ts`. */

type Runtime = typeof import("onnxruntime-node");
type Answer = RuntimeAnswer<ReadonlyMap<string, FoundValue>>;

process.on("message", (request: ShapesRequest) => void answer(request).then((found) => process.send?.(found)));
process.on("disconnect", () => process.exit());

async function answer(request: ShapesRequest): Promise<Answer> {
  let runtime: Runtime;
  try {
    // The package is CommonJS: its exports are those of its default.
    runtime = (await import("onnxruntime-node")).default as unknown as Runtime;
  } catch (cause) {
    return { kind: "missing", why: String(cause) };
  }
  try {
    return { kind: "result", result: await run(runtime, request) };
  } catch (cause) {
    return { kind: "refused", why: cause instanceof Error ? cause.message : String(cause) };
  }
}

async function run(runtime: Runtime, { path, inputs }: ShapesRequest): Promise<ReadonlyMap<string, FoundValue>> {
  // As the file has it: what is optimized away has no type.
  const options = { graphOptimizationLevel: "disabled", logSeverityLevel: 4 } as const;
  const session = await runtime.InferenceSession.create(path, options);
  const feeds = inputs.map(({ name, dtype, dims }) => [name, zeros(runtime, dtype, dims)] as const);
  const outputs = await session.run(Object.fromEntries(feeds));
  return new Map(Object.entries(outputs).map(([name, { type, dims }]) => [name, { dtype: type, dims: [...dims] }]));
}

const arrays = {
  float32: Float32Array,
  float64: Float64Array,
  float16: Uint16Array,
  int8: Int8Array,
  uint8: Uint8Array,
  int16: Int16Array,
  uint16: Uint16Array,
  int32: Int32Array,
  uint32: Uint32Array,
  int64: BigInt64Array,
  uint64: BigUint64Array,
  bool: Uint8Array,
} as const;

function zeros(runtime: Runtime, dtype: string, dims: readonly number[]): Tensor {
  if (!Object.hasOwn(arrays, dtype)) throw new RangeError(`no zeros of ${dtype}`);
  const size = dims.reduce((product, dim) => product * dim, 1);
  const data = new arrays[dtype as keyof typeof arrays](size);
  return new runtime.Tensor(dtype as "float32", data as Float32Array, [...dims]);
}
