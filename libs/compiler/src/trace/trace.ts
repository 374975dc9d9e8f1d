import { AnnealError } from "@anneal/contracts";
import { attribute, type Dtype, makeValue, type Node, readVariable, typeOf, type Value } from "@anneal/graph";
import type { TensorflowBackend, Tfjs } from "@anneal/runtime";
import type { Tensor, Variable } from "@tensorflow/tfjs";
import { nameGradients } from "./gradient-scopes.ts";
import { createTraceBackend, type TraceBackend } from "./trace-backend.ts";
import { installTraceGradients } from "./trace-gradients.ts";
import { registerTraceKernels } from "./trace-kernels.ts";

/** A variable and the handle that it has in the graph. */
export interface TracedVariable {
  readonly name: string;
  readonly variable: Variable;
  readonly handle: Value;
}

export interface TraceRequest<Name extends string> {
  /** Placeholders, or any other values. */
  readonly inputs: Readonly<Record<Name, Value>>;
  readonly variables: readonly TracedVariable[];
  /** The function sees what variables hold once these nodes have run. By default, when it begins. */
  readonly readsAfter?: readonly Node[];
  /** The function to trace: called once, with tensors that have types and no data. */
  readonly body: (inputs: Readonly<Record<Name, Tensor>>, scope: ScopeFunction) => Readonly<Record<string, Tensor>>;
}

/** Runs something whose ops belong to the layer of this name. */
export type ScopeFunction = <T>(name: string, run: () => T) => T;

/** A traced function: values of the graph, in which nothing is written. */
export interface Trace {
  readonly outputs: Readonly<Record<string, Value>>;
  /** What the function assigned to variables, by their names: the last value of each. */
  readonly assigned: ReadonlyMap<string, Value>;
  /** What the function sees of each variable: the value before the call. */
  readonly reads: ReadonlyMap<string, Value>;
}

const backendName = "anneal-trace";

/**
 * Writes down what a function of tensors and variables computes. No kernel runs on anything that depends on an input or a
 * variable; variables are as before afterwards, whatever the function assigned.
 *
 * @throws AnnealError TRACE_UNSUPPORTED for an op without a row, a value read back, a shape that depends on data, a draw of
 *   `Math.random`; whatever `body` throws
 */
export function trace<Name extends string>(tf: Tfjs, request: TraceRequest<Name>): Trace {
  const backend = traceBackendOf(tf);
  const home = tf.getBackend();
  activate(tf, backendName);
  const restoreGradients = installTraceGradients(tf, backend);
  const restoreTape = nameGradients(tf, backend);
  const { random } = Math;
  Math.random = () => {
    throw randomDraw();
  };
  const originals = request.variables.map(({ variable }) => variable.dataId);
  try {
    let traced: Trace | undefined;
    // Not as tidy's result: it would look for tensors in the whole graph.
    tf.tidy(() => {
      traced = traceBody(tf, backend, request);
    });
    return traced!;
  } finally {
    Math.random = random;
    restoreTape();
    restoreGradients();
    // Not by assign(): the originals were never given up.
    request.variables.forEach(({ variable }, index) => {
      variable.dataId = originals[index]!;
    });
    backend.reset();
    activate(tf, home);
  }
}

function traceBody<Name extends string>(
  tf: Tfjs,
  backend: TraceBackend,
  { inputs, variables, readsAfter = [], body }: TraceRequest<Name>,
): Trace {
  const reads = new Map<string, Value>();
  const standIns = variables.map(({ name, variable, handle }) => {
    const type = { dtype: variable.dtype as Dtype, shape: variable.shape };
    const read = readVariable(handle, type, { scope: name, controls: readsAfter });
    reads.set(name, read);
    const { dataId } = backend.makeSymbolic(read);
    backend.incRef(dataId);
    variable.dataId = dataId;
    return dataId;
  });
  const fed = Object.entries<Value>(inputs).map(([name, value]) => [name, backend.makeSymbolic(asFloat(value))]);
  const results = body(Object.fromEntries(fed) as Record<Name, Tensor>, backend.withScope);
  const outputs = Object.fromEntries(Object.entries(results).map(([name, tensor]) => [name, backend.valueOf(tensor)]));
  const assigned = new Map<string, Value>();
  variables.forEach(({ name, variable }, index) => {
    if (variable.dataId !== standIns[index]) assigned.set(name, backend.valueOf(variable));
  });
  // Some may have been kept from the tidying that ends the trace.
  tf.dispose(Object.values<Tensor>(results).filter((tensor) => !(tensor instanceof tf.Variable)));
  return { outputs, assigned, reads };
}

/** TensorFlow.js has no bytes: a function sees them as float32 (0..255), cast in the graph. */
function asFloat(fed: Value): Value {
  if (typeOf(fed).dtype !== "uint8") return fed;
  const attributes = { SrcT: attribute.type("uint8"), DstT: attribute.type("float32") };
  return makeValue("Cast", [fed], attributes);
}

const backends = new WeakMap<object, TraceBackend>();

/** One trace backend for each TensorFlow.js: a thread's. */
function traceBackendOf(tf: Tfjs): TraceBackend {
  const base = tf.findBackend("tensorflow") as TensorflowBackend;
  let backend = backends.get(base);
  if (backend === undefined) {
    const created = createTraceBackend(tf, base);
    backend = created;
    backends.set(base, created);
    tf.registerBackend(backendName, () => created);
    registerTraceKernels(tf, backendName);
  }
  return backend;
}

/** `setBackend` returns a promise, but has done its work when a backend needs no waiting for. */
function activate(tf: Tfjs, name: string): void {
  void tf.setBackend(name);
  if (tf.getBackend() !== name) throw new Error(`the backend ${name} is not active`);
}

function randomDraw(): AnnealError {
  return new AnnealError(
    "TRACE_UNSUPPORTED",
    "the step cannot be compiled: it draws from Math.random, and the graph would repeat that one draw at every step",
    "Draw with tf.randomUniform, tf.randomNormal or tf.dropout, which follow the run's seed.",
  );
}
