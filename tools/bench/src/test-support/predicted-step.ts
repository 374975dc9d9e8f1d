import { fileURLToPath } from "node:url";
import { freeUnusedMemory, loadTensorflow } from "@anneal/runtime";
import { createEngine, type EngineOptions, openPeakPredictor } from "@anneal/training";
import { synthesize, toBatches } from "../step/batches.ts";
import { learningRate, seed, workloadRecipe } from "../step/recipe.ts";
import { findWorkload } from "../step/serve.ts";
import { machineThreads } from "../subjects/mnist.ts";
import { peakMemoryMiB, resetPeakMemory, residentMiB } from "../subjects/process-usage.ts";

/** What a step was predicted to take, and what it took, in MiB. */
export interface PredictedStep {
  /** Tensors at the peak: as predicted, and as TensorFlow recorded them. */
  readonly tensors: { readonly predicted: number; readonly measured: number };
  /** The whole process: what it took before there was a model and what the planner expects of the step; and what it took. */
  readonly process: { readonly predicted: number; readonly measured: number };
}

const numSteps = 8;
const bytesPerMiB = 2 ** 20;

/** Run as `node predicted-step.ts <workload> <batch size> <recomputed segments>`: prints a `PredictedStep`. */
const [name = "", batchSize = "", segments = ""] = process.argv.slice(2);
const workload = { ...findWorkload(name), batchSize: Number(batchSize) };
const { interOp, intraOp } = machineThreads;
const { tf } = loadTensorflow({ numIntraOpThreads: intraOp, numInterOpThreads: interOp });
const batches = toBatches(synthesize(workload, 2, seed), workload);
const recipe = workloadRecipe(workload);
const { inputs, labels, numClasses } = workload;
const rung = { microBatches: 1, recomputeSegments: Number(segments) };
const options: EngineOptions = {
  recipe,
  recipePath: fileURLToPath(import.meta.url),
  parameters: {},
  seed,
  batchSize: workload.batchSize,
  inputs,
  labels,
  numClasses,
  optimizer: recipe.optimizer({ parameters: {}, totalSteps: numSteps, stepsPerEpoch: numSteps }),
  initialWeights: null,
};
const predictor = openPeakPredictor(tf, options, interOp);
const stepMiB = predictor.predictStep(rung) / bytesPerMiB;
predictor[Symbol.dispose]();
freeUnusedMemory();
const baseMiB = residentMiB(process.pid);
resetPeakMemory(process.pid);

const engine = createEngine.compiled(tf);
engine.prepare({ ...options, ...rung });
const scalars = (step: number) => [{ step, learningRate }];
for (let step = 0; step < numSteps; step += 1) engine.trainBatches([batches[step % 2]!], scalars(step));
engine.readState();
const measuredMiB = peakMemoryMiB(process.pid);
const recorded = [0, 1, 2].map((index) => {
  const { recording } = engine.recordBatches([batches[0]!], scalars(numSteps + index));
  return recording!.tensors.reduce((sum, { bytesAtPeak }) => sum + bytesAtPeak, 0);
});
const { peakBytes, residentBytes } = engine.explain().memory;
const result: PredictedStep = {
  tensors: {
    predicted: (peakBytes + residentBytes) / bytesPerMiB,
    measured: Math.max(...recorded) / bytesPerMiB,
  },
  process: { predicted: baseMiB + stepMiB, measured: measuredMiB },
};
process.stdout.write(JSON.stringify(result));
// TensorFlow's threads would keep the process.
process.exit();
