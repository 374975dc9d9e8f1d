import { calibratedPrecisions, type ExportReport, type ExportSpec } from "@anneal/contracts";
import { evaluationPlan, type Feed, type OpenDataset, openFeed, pickSamples } from "@anneal/data";
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
  const { seed } = session.options.spec;
  const feeds: Feed[] = [];
  const open = (dataset: OpenDataset, places: readonly number[]) => {
    const batchSize = Math.min(training.evaluationBatchSize, places.length);
    const plan = evaluationPlan({ dataset: pickSamples(dataset, places), batchSize, seed });
    const feed = openFeed({ plan, startItem: 0, numSlots });
    feeds.push(feed);
    feed.start();
    return feed.handles;
  };
  try {
    const heldOut = open(datasets[split]!, firstPlaces(datasets[split]!, spec.heldOutSamples));
    const calibration = calibratedPrecisions.includes(spec.precision)
      ? open(datasets.train, evenPlaces(datasets.train, spec.calibrationSamples))
      : null;
    return await session.exportModel({
      spec,
      directory,
      split,
      heldOut,
      calibration,
      facts: factsOf(session, loadMs),
    });
  } finally {
    for (const feed of feeds) await feed.close();
  }
}

function firstPlaces({ numSamples }: OpenDataset, most: number): readonly number[] {
  return Array.from({ length: Math.min(most, numSamples) }, (_, index) => index);
}

/** Places all over a data set, which may be sorted. */
function evenPlaces({ numSamples }: OpenDataset, most: number): readonly number[] {
  const length = Math.min(most, numSamples);
  return Array.from({ length }, (_, index) => Math.floor((index * numSamples) / length));
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
