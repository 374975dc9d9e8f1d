import type { Tfjs } from "@anneal/runtime";
import type { Tensor } from "@tensorflow/tfjs";
import { gradientPrefix, type TraceBackend } from "./trace-backend.ts";

/** What TensorFlow.js's tape holds of an op, and how it comes to hold it. Not in its public types. */
interface TapeNode {
  gradient?: (dys: readonly Tensor[]) => Record<string, () => Tensor>;
}
interface TapeEngine {
  readonly state: { readonly activeTape: readonly TapeNode[] | null };
  addTapeNode?: (...args: unknown[]) => void;
}

/**
 * Until the returned function is called, the gradient of an op is recorded under the name of the part of the step that the op
 * was recorded in, with `gradient/` before it.
 */
export function nameGradients(tf: Tfjs, backend: TraceBackend): () => void {
  const engine = tf.engine() as unknown as TapeEngine;
  const { addTapeNode } = engine;
  engine.addTapeNode = (...args) => {
    addTapeNode!.apply(engine, args);
    const node = engine.state.activeTape?.at(-1);
    const scope = backend.scope();
    if (node?.gradient === undefined || scope === "") return;
    node.gradient = nameGradient(backend, `${gradientPrefix}${scope}`, node.gradient);
  };
  return () => {
    delete engine.addTapeNode;
  };
}

/** Gradients are computed in two places: some when the function is called, the others when one of its results is asked for. */
function nameGradient(
  backend: TraceBackend,
  scope: string,
  gradient: NonNullable<TapeNode["gradient"]>,
): NonNullable<TapeNode["gradient"]> {
  return (dys) => {
    const gradients = backend.withScope(scope, () => gradient(dys));
    const named = Object.entries(gradients).map(([input, compute]) => [input, () => backend.withScope(scope, compute)]);
    return Object.fromEntries(named) as Record<string, () => Tensor>;
  };
}
