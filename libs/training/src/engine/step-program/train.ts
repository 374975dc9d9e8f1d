import type { Entry } from "@anneal/compiler";
import { assignVariable, attribute, makeValue, type Node, placeholder, typeAttribute, type Value } from "@anneal/graph";
import { numStepScalars, updateNodes } from "../../optimizers/compiled-optimizer.ts";
import { scalesLoss } from "../step-engine.ts";
import { both, finite, gateOf, gradientScale, whenDone } from "./gates.ts";
import { batchFeeds, type TraceContext, traceGradients } from "./trace-step.ts";
import { graphVariables, handlesOf, unscaled } from "./updates.ts";

/**
 * Steps one after another, each on a batch of its own. Feeds of each: inputs, labels, the step, the optimizer's scalars, and the loss
 * scale where the loss is scaled. Fetches: sums of loss and metrics, float32 `[1 + metrics]`, and a number that is finite where all
 * gradients are; of several steps `[numSteps, 1 + metrics]` and `[numSteps]`. A step whose loss or gradients are not finite updates
 * nothing, nor do those after it.
 */
export function trainEntry(context: TraceContext, numSteps: number): Entry {
  const prefix = `train${context.numSamples}`;
  const updates: TracedUpdate[] = [];
  for (let index = 0; index < numSteps; index++) {
    const own = numSteps === 1 ? prefix : `${prefix}x${numSteps}/${index}`;
    updates.push(traceUpdate(context, own, updates.at(-1) ?? null));
  }
  const options = { controls: [updates.at(-1)!.done] };
  const [first, ...others] = updates as [TracedUpdate, ...TracedUpdate[]];
  const float = typeAttribute("T", "float32");
  const pack = (values: readonly Value[]) =>
    makeValue("Pack", values, { ...float, N: attribute.int(values.length), axis: attribute.int(0) }, options);
  return {
    feeds: updates.flatMap(({ feeds }) => feeds),
    fetches:
      others.length === 0
        ? [makeValue("Identity", [first.report], float, options), first.scale]
        : [pack(updates.map(({ report }) => report)), pack(updates.map(({ scale }) => scale))],
  };
}

/** One step of an entry. */
interface TracedUpdate {
  readonly feeds: readonly Value[];
  readonly report: Value;
  /** Finite where all gradients are. */
  readonly scale: Value;
  /** Whether this step and all before it are finite: otherwise it updates nothing. */
  readonly isSound: Value;
  /** Runs once the updates have, or were kept from it. */
  readonly done: Node;
}

function traceUpdate(context: TraceContext, prefix: string, before: TracedUpdate | null): TracedUpdate {
  const { step, state } = context;
  const { optimizer } = step.options;
  const feeds = batchFeeds(context, prefix);
  const scalars = placeholder(`${prefix}/scalars`, { dtype: "float32", shape: [numStepScalars] });
  const lossScale = scalesLoss(step.options)
    ? placeholder(`${prefix}/lossScale`, { dtype: "float32", shape: [] })
    : null;
  const readsAfter = before === null ? [] : [before.done];
  const { loss, report, gradients, assigned, reads } = traceGradients(context, feeds, {
    readsAfter,
    factor: lossScale,
  });
  const trained = graphVariables(step, state, unscaled(gradients, lossScale), reads);
  const scale = gradientScale(trained.map(({ gradient }) => gradient));
  const own = both(finite(loss), finite(scale));
  const isSound = before === null ? own : both(before.isSound, own);
  const gate = gateOf(isSound);
  const handles = handlesOf(state);
  const assignments = [...assigned].map(([name, value]) =>
    assignVariable(handles.get(name)!, gate(value), { controls: [reads.get(name)!.node], scope: name }),
  );
  const updates = [...updateNodes(optimizer, trained, gate(scalars)), ...assignments];
  return {
    feeds: [...feeds.values, scalars, ...(lossScale === null ? [] : [lossScale])],
    report,
    scale,
    isSound,
    done: whenDone(isSound, updates),
  };
}
