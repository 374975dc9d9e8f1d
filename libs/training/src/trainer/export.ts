import type { ExportReport, ExportSpec } from "@anneal/contracts";
import { evaluationPlan, openFeed, pickSamples } from "@anneal/data";
import type { ExportCall } from "./engine-protocol.ts";
import type { TrainerSession } from "./session.ts";

/** Batches in memory at a time. */
const numSlots = 4;

/** Exports the model in the session's memory. It is proven on test data, else on validation data, else on what it was trained with. */
export async function exportSession(
  session: TrainerSession,
  { spec, directory, loadMs }: { readonly spec: ExportSpec; readonly directory: string; readonly loadMs: number },
): Promise<ExportReport> {
  const { datasets, training } = session.setup;
  const split = datasets.test ? "test" : datasets.validation ? "validation" : "train";
  const dataset = datasets[split]!;
  const numSamples = Math.min(spec.heldOutSamples, dataset.numSamples);
  const places = Array.from({ length: numSamples }, (_, index) => index);
  const batchSize = Math.min(training.evaluationBatchSize, numSamples);
  const plan = evaluationPlan({ dataset: pickSamples(dataset, places), batchSize, seed: session.options.spec.seed });
  const feed = openFeed({ plan, startItem: 0, numSlots });
  try {
    feed.start();
    return await session.exportModel({
      spec,
      directory,
      split,
      heldOut: feed.handles,
      facts: factsOf(session, loadMs),
    });
  } finally {
    await feed.close();
  }
}

function factsOf(session: TrainerSession, loadMs: number): ExportCall["facts"] {
  const { plan, outputShape, setup } = session;
  const { checkpoint, modelBytes = 0 } = session.result([]);
  const [numOutputs, ...more] = outputShape;
  return {
    recipe: { name: plan.recipeName, digest: plan.recipeDigest },
    checkpoint,
    areClasses: setup.datasets.train.numClasses !== null && more.length === 0 && (numOutputs ?? 0) > 1,
    modelBytes,
    loadMs,
  };
}
