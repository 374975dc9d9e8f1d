import { attribute, constant, type Dtype } from "@anneal/graph";
import type { Tfjs } from "@anneal/runtime";
import type { DataType, KernelConfig, NamedAttrMap, NamedTensorInfoMap, Tensor, TensorInfo } from "@tensorflow/tfjs";
import { recordNormalization } from "./normalizations.ts";
import type { TraceBackend } from "./trace-backend.ts";

interface KernelCall {
  readonly inputs: Readonly<Record<string, TensorInfo>>;
  readonly attributes: Readonly<Record<string, unknown>>;
  readonly backend: TraceBackend;
}

/**
 * Kernels that tfjs-node has in a form that a trace cannot take over: they read values back, or make constants as large as
 * their outputs. Same results, by other ops.
 */
const traceKernels: Readonly<Record<string, (tf: Tfjs, call: KernelCall) => TensorInfo>> = {
  // tfjs-node's reads the indices to check their range. TensorFlow's Gather checks it itself, and fails the step.
  GatherV2(_tf, { inputs, attributes, backend }) {
    const { x, indices } = inputs as { x: TensorInfo; indices: TensorInfo };
    const axis = constant({ dtype: "int32", shape: [], data: Int32Array.of(attributes.axis as number) });
    return backend.record("GatherV2", [x, indices, backend.makeSymbolic(axis)], {
      batch_dims: attribute.int(attributes.batchDims as number),
      Tparams: attribute.type(x.dtype as Dtype),
      Tindices: attribute.type(indices.dtype as Dtype),
      Taxis: attribute.type("int32"),
    })[0]!;
  },
  FusedBatchNorm(tf, { inputs, attributes, backend }) {
    const { x, mean, variance, scale, offset } = inputs as Readonly<Record<"x" | "mean" | "variance", TensorInfo>> &
      Readonly<Record<string, TensorInfo | undefined>>;
    const epsilon = attributes.varianceEpsilon as number;
    const result = recordNormalization(backend, { x, mean, variance, scale, offset, epsilon });
    if (result !== null) return backend.makeSymbolic(result);
    const { kernelFunc } = tf.getKernel("FusedBatchNorm", "tensorflow");
    return kernelFunc({ inputs, attrs: attributes as NamedAttrMap, backend }) as TensorInfo;
  },
  // tfjs-node's leaves out the attribute T, which a graph needs.
  ExpandDims(tf, { inputs, attributes }) {
    const x = inputs.input as Tensor;
    const dim = attributes.dim as number;
    const shape = x.shape.toSpliced(dim < 0 ? dim + x.rank + 1 : dim, 0, 1);
    return tf.reshape(x, shape);
  },
  Step(tf, { inputs, attributes }) {
    const x = inputs.x as Tensor;
    const above = tf.cast(tf.greater(x, tf.scalar(0, x.dtype)), "float32");
    const alpha = (attributes.alpha as number | undefined) ?? 0;
    return alpha === 0 ? above : tf.add(tf.mul(above, 1 - alpha), alpha);
  },
  // tfjs-node's says of what it casts to float32 that it were still of its dtype before.
  Mean(tf, { inputs, attributes, backend }) {
    const x = tf.cast(inputs.x as Tensor, "float32");
    const axes = tf.util.parseAxisParam(attributes.axis as number | number[], x.shape);
    const { TF_ATTR_BOOL, TF_ATTR_TYPE, TF_FLOAT, TF_INT32 } = backend.binding;
    const opAttributes = [
      { name: "keep_dims", type: TF_ATTR_BOOL, value: attributes.keepDims as boolean },
      { name: "T", type: TF_ATTR_TYPE, value: TF_FLOAT },
      { name: "Tidx", type: TF_ATTR_TYPE, value: TF_INT32 },
    ];
    return backend.executeSingleOutput("Mean", opAttributes, [x, tf.tensor1d(axes, "int32")]);
  },
  Fill(_tf, { attributes, backend }) {
    const { shape, value } = attributes as { shape: number[]; value: number };
    const dtype = (attributes.dtype as DataType | undefined) ?? "float32";
    return backend.makeSymbolic(splat(dtype, shape, value));
  },
  ZerosLike: (_tf, { inputs: { x }, backend }) => backend.makeSymbolic(splat(x!.dtype, x!.shape, 0)),
  OnesLike: (_tf, { inputs: { x }, backend }) => backend.makeSymbolic(splat(x!.dtype, x!.shape, 1)),
};

function splat(dtype: DataType, shape: readonly number[], value: number) {
  const data =
    dtype === "float32" ? Float32Array.of(value) : dtype === "int32" ? Int32Array.of(value) : Uint8Array.of(value);
  return constant({ dtype: dtype as Dtype, shape, data });
}

/** Registers tfjs-node's kernels under the trace's name, with those above in place of its own. */
export function registerTraceKernels(tf: Tfjs, backendName: string): void {
  tf.copyRegisteredKernels("tensorflow", backendName);
  for (const [kernelName, trace] of Object.entries(traceKernels)) {
    if (tf.getKernel(kernelName, backendName) === undefined) continue;
    tf.unregisterKernel(kernelName, backendName);
    const kernelFunc: KernelConfig["kernelFunc"] = ({ inputs, attrs, backend }) =>
      trace(tf, {
        inputs: inputs as NamedTensorInfoMap as Readonly<Record<string, TensorInfo>>,
        attributes: (attrs ?? {}) as NamedAttrMap,
        backend: backend as TraceBackend,
      });
    tf.registerKernel({ kernelName, backendName, kernelFunc });
  }
}
