import { predictProgram } from "@anneal/compiler";
import type { MemoryRung } from "@anneal/contracts";
import { freeUnusedMemory, installSeededRandom, type Tfjs } from "@anneal/runtime";
import { stepEntries } from "./measure-step.ts";
import { passesOf } from "./passes-of.ts";
import { buildRecipeStep, type RecipeStep } from "./recipe-step.ts";
import type { EngineOptions } from "./step-engine.ts";
import { StepGraph } from "./step-graph.ts";
import { type TracedRandom, tracedKey } from "./step-program/trace-step.ts";
import { isLayersModel, namedLayers } from "./variables.ts";

/** What a rung does to a step. */
type StepRung = Pick<MemoryRung, "microBatches" | "recomputeSegments">;

export interface PeakPredictor extends Disposable {
  /** Whether layers normalise over the samples of a batch; a function model does not tell. */
  readonly normalisesOverBatch: boolean;
  /** Bytes that a compiled step takes at its peak: its session, variables, what is alive at once, and the copies of a checkpoint. */
  readonly predictStep: (rung: StepRung) => number;
}

/** Of the state, for a checkpoint: what the session returns, and what is written. V8 gives them back long after. */
const numCheckpointCopies = 2;
/** What a session was found to take beside tensors, and for each node of its graph. */
const sessionBytes = 40 * 2 ** 20;
const nodeBytes = 24 * 1_024;
/** What JavaScript was found to hold before step 1 for each node as it was traced, until the graph is in the session. */
const tracedNodeBytes = 40 * 1_024;
/** And where segments for recomputation are looked for. */
const recomputedNodeBytes = 25 * 1_024;

/**
 * Builds a recipe's step to predict its memory. Nothing runs.
 *
 * @param numThreads ops that TensorFlow runs at the same time
 * @throws AnnealError as preparing the step does
 */
export function openPeakPredictor(tf: Tfjs, options: EngineOptions, numThreads: number): PeakPredictor {
  const traced: TracedRandom = { step: null };
  const random = installSeededRandom(tf, { seed: options.seed, makeKey: tracedKey(tf, traced) });
  random.beginInit();
  const step = buildRecipeStep(options);
  const known = new Map<string, number>();
  let last: { readonly microBatches: number; readonly entries: ReturnType<typeof stepEntries> } | null = null;
  /** Segments are a matter of passes: what is traced depends on micro-batches alone. One trace is kept: it takes much memory. */
  const entriesOf = (asked: RecipeStep, microBatches: number) => {
    if (last?.microBatches === microBatches) return last.entries;
    last = null;
    const entries = stepEntries(new StepGraph({ tf, step: asked, random, traced }).measureContext([]));
    last = { microBatches, entries };
    return entries;
  };
  const predict = (rung: StepRung): number => {
    const asked = { ...step, options: { ...options, ...rung } };
    // What the rung before left behind would otherwise be a part of this process's peak.
    freeUnusedMemory();
    const entries = entriesOf(asked, rung.microBatches);
    const prediction = predictProgram(entries, passesOf(asked, "graph"), { numThreads });
    const { peakBytes, residentBytes, numNodes, numTracedNodes } = prediction;
    const ofSession = sessionBytes + numNodes * nodeBytes;
    const whileTraining = ofSession + peakBytes + (1 + numCheckpointCopies) * residentBytes;
    const ofTrace = tracedNodeBytes + (rung.recomputeSegments > 1 ? recomputedNodeBytes : 0);
    return Math.max(whileTraining, residentBytes + numTracedNodes * ofTrace);
  };
  return {
    normalisesOverBatch:
      isLayersModel(step.model) &&
      namedLayers(step.model.layers, "").some(({ layer }) => layer.getClassName() === "BatchNormalization"),
    predictStep(rung) {
      const key = `${rung.microBatches} ${rung.recomputeSegments}`;
      const bytes = known.get(key) ?? predict(rung);
      known.set(key, bytes);
      return bytes;
    },
    [Symbol.dispose]() {
      random.uninstall();
      for (const { variable } of step.variables) if (!variable.isDisposed) variable.dispose();
    },
  };
}
