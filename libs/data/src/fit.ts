import { AnnealError, fromRecord, type Json } from "@anneal/contracts";
import { createReader, type OpenSource } from "@anneal/sources";
import { Piscina } from "piscina";
import type { BadRecordPolicy, DatasetPart } from "./dataset.ts";
import type { FitPart, FitResult, FitThreadData } from "./fit-thread.ts";
import { moduleName, type NameOfModule } from "./module-name.ts";
import type { Selected } from "./select.ts";
import type { TransformReference } from "./transform.ts";
import { type SampleAtWork, untilHung } from "./until-hung.ts";

/** What transforms learned, by what they are: JSON, kept with the run. */
export type Fitted = Readonly<Record<string, Json>>;

/** A part whose samples were found, and whose transforms may still have something to learn. */
export interface FoundPart {
  readonly declared: DatasetPart;
  readonly source: OpenSource;
  readonly selected: Selected;
  readonly onBadRecord: BadRecordPolicy["action"];
}

/** By what a transform is found again: its module and name, its options, and how many such come before it in its chain. */
function keysOf(transforms: readonly TransformReference[], nameOfModule: NameOfModule): readonly string[] {
  const counts = new Map<string, number>();
  return transforms.map(({ module, exportName, options }) => {
    const name = JSON.stringify([moduleName(module, nameOfModule), exportName, options]);
    const count = counts.get(name) ?? 0;
    counts.set(name, count + 1);
    return `${name} ${count}`;
  });
}

/** The transforms with what is known of those that learn. */
export function withStates(
  transforms: readonly TransformReference[],
  fitted: Fitted,
  nameOfModule: NameOfModule,
): readonly TransformReference[] {
  const keys = keysOf(transforms, nameOfModule);
  return transforms.map((reference, at) => {
    const state = fitted[keys[at]!];
    return reference.fit === undefined || state === undefined ? reference : { ...reference, state };
  });
}

/** How many transforms, from the first, have nothing to learn. */
export function numKnown(transforms: readonly TransformReference[]): number {
  const first = transforms.findIndex(({ fit, state }) => fit !== undefined && state === undefined);
  return first < 0 ? transforms.length : first;
}

/**
 * What the transforms of a data set learn: one after another, each from what those before it make of all samples. One thread reads them in
 * their order, so that sums are the same each time.
 *
 * @throws AnnealError RECIPE_INVALID where nothing may be learned, since these are no training samples; TRANSFORM_FAILED,
 *   TRANSFORM_HUNG, BAD_RECORD
 */
export async function learn(
  parts: readonly FoundPart[],
  {
    known,
    mayLearn,
    sampleTimeoutMs,
    nameOfModule,
  }: {
    readonly known: Fitted;
    readonly mayLearn: boolean;
    readonly sampleTimeoutMs: number;
    readonly nameOfModule: NameOfModule;
  },
): Promise<Fitted> {
  const fitted: Record<string, Json> = { ...known };
  for (;;) {
    const chains = parts.map(({ declared }) => withStates(declared.transforms, fitted, nameOfModule));
    const next = chains.map((transforms) => ({ transforms, at: numKnown(transforms) }));
    const waiting = next.find(({ transforms, at }) => at < transforms.length);
    if (waiting === undefined) return fitted;
    const reference = waiting.transforms[waiting.at]!;
    if (!mayLearn) throw notLearned(reference);
    const key = keysOf(waiting.transforms, nameOfModule)[waiting.at]!;
    const learners = parts.flatMap((part, p): FitPart[] => {
      const { transforms, at } = next[p]!;
      if (keysOf(transforms, nameOfModule)[at] !== key) return [];
      const { source, selected, onBadRecord } = part;
      return [
        {
          chain: {
            source: source.handles,
            sourceInputs: source.input,
            labels: source.label,
            transforms: transforms.slice(0, at),
          },
          indices: selected.indices,
          numSamples: selected.indices?.length ?? source.numSamples,
          onBadRecord,
        },
      ];
    });
    fitted[key] = await learnIn(reference, learners, sampleTimeoutMs);
  }
}

async function learnIn(
  reference: TransformReference,
  parts: readonly FitPart[],
  sampleTimeoutMs: number,
): Promise<Json> {
  const atWork = new Int32Array(new SharedArrayBuffer(8)).fill(-1);
  const workerData: FitThreadData = { reference, parts, atWork };
  const sampleAtWork = (): readonly SampleAtWork[] => {
    const [part, index] = [atWork[0]!, atWork[1]!];
    return index < 0 ? [] : [{ index, place: () => createReader(parts[part]!.chain.source).placeOf(index) }];
  };
  const pool = new Piscina<null, FitResult>({
    filename: new URL("./fit-thread.ts", import.meta.url).href,
    minThreads: 1,
    maxThreads: 1,
    workerData,
  });
  try {
    const { state, failure } = await untilHung(pool.run(null), {
      doing: `learns from the training samples (${reference.exportName})`,
      atWork: sampleAtWork,
      timeoutMs: sampleTimeoutMs,
    });
    if (failure !== null) throw fromRecord(failure);
    return state;
  } finally {
    await pool.destroy();
  }
}

function notLearned({ exportName }: TransformReference): AnnealError {
  return new AnnealError(
    "RECIPE_INVALID",
    `${exportName} learns from training samples, and the training data does not have it`,
    "Give the training data the same transform, with the same options.",
    { exportName },
  );
}
