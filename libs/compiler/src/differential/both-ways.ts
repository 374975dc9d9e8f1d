import {
  assignVariable,
  type Dtype,
  type Graph,
  makeGraph,
  makeValue,
  placeholder,
  scalar,
  typeAttribute,
  typeOf,
  type Value,
  variableHandle,
} from "@anneal/graph";
import { GraphSession, installSeededRandom, type LoadedTensorflow, type Tfjs } from "@anneal/runtime";
import type { Tensor, Tensor1D, Variable } from "@tensorflow/tfjs";
import { pipelineOf } from "../lowerings/lowerings.ts";
import type { Pass } from "../passes/pass.ts";
import { compileProgram, type Entry } from "../program.ts";
import { type TracedVariable, trace } from "../trace/trace.ts";
import { float, type InputSpec, valuesOf } from "./inputs.ts";

type Tensors = Readonly<Record<string, Tensor>>;

/** What came out under one name. */
interface Result {
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly values: Float32Array | Int32Array;
}
type Results = Readonly<Record<string, Result>>;

/** A function of tensors and variables that is to give the same, run op by op and as one graph. */
export interface Subject {
  readonly inputs: readonly InputSpec[];
  readonly variables?: readonly Variable[];
  /** Outputs by name. May assign to the variables. */
  readonly run: (inputs: readonly Tensor[]) => Tensors;
}

/** Draws are those of this step, which the graph is told. */
const step = 3;

/** What a subject gives, both ways: its outputs, and its variables afterwards. Variables are left as they were. */
export interface Comparison {
  readonly eager: Results;
  readonly compiled: Results;
}

/** Runs a subject op by op, and traced, compiled and run as a graph. */
export function runBothWays(tensorflow: LoadedTensorflow, subject: Subject): Comparison {
  const draws = seededDraws(tensorflow);
  try {
    const eager = runEager(tensorflow, subject, draws);
    return { eager, compiled: runCompiled(tensorflow, subject, traceSubject(tensorflow, subject, draws)) };
  } finally {
    draws.uninstall();
  }
}

/** A subject that was traced: its graph, and what it gives after these passes. */
export function traceOnce(
  tensorflow: LoadedTensorflow,
  subject: Subject,
): { readonly graph: Graph; readonly run: (passes: readonly Pass[]) => Results } {
  const draws = seededDraws(tensorflow);
  try {
    const traced = traceSubject(tensorflow, subject, draws);
    return { graph: traced.graph, run: (passes) => runCompiled(tensorflow, subject, traced, passes) };
  } finally {
    draws.uninstall();
  }
}

/** Runs a subject op by op alone. */
export function runOneWay(tensorflow: LoadedTensorflow, subject: Subject): void {
  const draws = seededDraws(tensorflow);
  try {
    runEager(tensorflow, subject, draws);
  } finally {
    draws.uninstall();
  }
}

/** Traces, compiles and runs a subject alone. */
export function runCompiledOnly(tensorflow: LoadedTensorflow, subject: Subject): void {
  const draws = seededDraws(tensorflow);
  try {
    runCompiled(tensorflow, subject, traceSubject(tensorflow, subject, draws));
  } finally {
    draws.uninstall();
  }
}

type Draws = ReturnType<typeof seededDraws>;

function seededDraws({ tf }: LoadedTensorflow) {
  let fed: Tensor | null = null;
  const random = installSeededRandom(tf, {
    seed: 1,
    makeKey: (first, number) =>
      fed === null ? tf.tensor1d([first, number], "int32") : (tf.stack([tf.scalar(first, "int32"), fed]) as Tensor1D),
  });
  return {
    uninstall: () => random.uninstall(),
    /** Draws follow the step: the number that is known, or the tensor that will be fed. */
    during<T>(number: Tensor | null, run: () => T): T {
      random.beginStep(number === null ? step : 0);
      fed = number;
      try {
        return run();
      } finally {
        fed = null;
      }
    },
  };
}

function runEager({ tf }: LoadedTensorflow, { inputs, variables = [], run }: Subject, draws: Draws): Results {
  const before = variables.map((variable) => tf.keep(variable.clone()));
  const results: Record<string, Result> = {};
  tf.tidy(() => {
    const tensors = inputs.map((spec, index) => {
      const { dtype, shape } = spec.type;
      // TensorFlow.js has no bytes; a function sees them as float32.
      const values = valuesOf(spec, index);
      return dtype === "uint8" ? tf.tensor([...values], [...shape]) : tf.tensor(values, [...shape], dtype);
    });
    const outputs = fetchable(draws.during(null, () => run(tensors)));
    const after = Object.fromEntries(variables.map((variable, index) => [variableName(index), variable as Tensor]));
    for (const [name, tensor] of Object.entries({ ...outputs, ...after })) {
      const values = tensor.dataSync() as Float32Array | Int32Array;
      results[name] = { dtype: tensor.dtype, shape: tensor.shape, values: values.slice() };
    }
    tf.dispose(outputs);
  });
  variables.forEach((variable, index) => {
    variable.assign(before[index]!);
    before[index]!.dispose();
  });
  return results;
}

interface TracedSubject {
  readonly graph: Graph;
  readonly feeds: readonly Value[];
  readonly variables: readonly TracedVariable[];
}

function traceSubject({ tf }: LoadedTensorflow, { inputs, variables = [], run }: Subject, draws: Draws): TracedSubject {
  const number = placeholder("step", { dtype: "int32", shape: [] });
  const fed = inputs.map(({ type }, index) => placeholder(`input${index}`, type));
  const traced = variables.map((variable, index): TracedVariable => {
    const type = { dtype: variable.dtype as Dtype, shape: variable.shape };
    return { name: variableName(index), variable, handle: variableHandle(`variable${index}`, type) };
  });
  const { outputs, assigned, reads } = trace(tf, {
    inputs: { number, ...Object.fromEntries(fed.map((value, index) => [`${index}`, value])) },
    variables: traced,
    // As a part of a step: gradients then bear its name, and can be told from the forward pass.
    body: (tensors: Tensors, scope) =>
      scope("subject", () =>
        fetchable(draws.during(tensors.number!, () => run(inputs.map((_, index) => tensors[index]!)))),
      ),
  });
  const after = traced.map(({ name }) => [name, assigned.get(name) ?? reads.get(name)!] as const);
  return { graph: makeGraph({ ...outputs, ...Object.fromEntries(after) }), feeds: [number, ...fed], variables: traced };
}

function runCompiled(
  { backend }: LoadedTensorflow,
  { inputs }: Subject,
  traced: TracedSubject,
  passes: readonly Pass[] = pipelineOf({ lowering: "graph", without: ["unclip-cross-entropy"] }),
): Results {
  const { graph, feeds, variables } = traced;
  const names = Object.keys(graph.outputs);
  const { savedModel, signatures } = compileProgram(
    { run: { feeds, fetches: names.map((name) => graph.outputs[name]!) }, load: loadEntry(variables) },
    passes,
  );
  const session = new GraphSession(backend, savedModel);
  try {
    session.bind(signatures.load)(variables.map(({ variable }) => variable.dataSync() as Float32Array));
    const values = session.bind(signatures.run)([Int32Array.of(step), ...inputs.map(valuesOf)]);
    return Object.fromEntries(
      names.map((name, index) => [name, { ...typeOf(graph.outputs[name]!), values: values[index]! }]),
    );
  } finally {
    session.dispose();
  }
}

/** Gives each variable the value that is fed. Returns a float that says nothing. */
function loadEntry(variables: readonly TracedVariable[]): Entry {
  const feeds: Value[] = [];
  const controls = variables.map(({ name, handle, variable }, index) => {
    const type = { dtype: variable.dtype as Dtype, shape: variable.shape };
    const fed = placeholder(`load${index}`, type);
    feeds.push(fed);
    return assignVariable(handle, fed, { scope: name });
  });
  return { feeds, fetches: [makeValue("Identity", [scalar(0)], typeAttribute("T", "float32"), { controls })] };
}

/** A session returns float32 and int32 alone. */
function fetchable(tensors: Tensors): Tensors {
  const entries = Object.entries(tensors).map(([name, tensor]) => {
    return [name, tensor.dtype === "bool" ? tensor.toInt() : tensor] as const;
  });
  return Object.fromEntries(entries);
}

function variableName(index: number): string {
  return `variable ${index}`;
}

/** Outputs, and the gradients of a sum of them all by each of these tensors that it depends on. */
export function withGradients(tf: Tfjs, run: () => readonly Tensor[], by: Tensors): Tensors {
  let outputs: readonly Tensor[] = [];
  const forward = () => {
    const results = run();
    // Kept: the sum's tape would take them with it.
    outputs = results.map((result) => tf.keep(result.clone()));
    return tf.addN(results.map((result, index) => weighedSum(tf, result, index)));
  };
  const targets = Object.entries(by);
  if (targets.length === 0) return named("output", run());
  const gradients = tf.engine().gradients(
    forward,
    targets.map(([, tensor]) => tensor),
    undefined,
    true,
  ).grads as readonly (Tensor | undefined)[];
  const found = targets.flatMap(([name], index) => {
    const gradient = gradients[index];
    return gradient === undefined ? [] : [[`gradient by ${name}`, gradient] as const];
  });
  return { ...named("output", outputs), ...Object.fromEntries(found) };
}

/** Tensors by names such as `output 0`. */
export function named<T extends Tensor>(name: string, tensors: readonly T[]): Readonly<Record<string, T>> {
  return Object.fromEntries(tensors.map((tensor, index) => [`${name} ${index}`, tensor]));
}

/** A sum in which each value has a weight of its own: a plain sum has no gradient through a softmax, say. */
function weighedSum(tf: Tfjs, tensor: Tensor, salt: number): Tensor {
  const spec = float(tensor.shape, { from: 0.5, to: 1.5 });
  return tf.sum(tf.mul(tf.cast(tensor, "float32"), tf.tensor(valuesOf(spec, salt), tensor.shape)));
}
