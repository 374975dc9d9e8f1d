import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { AnnealError } from "@anneal/contracts";
import {
  allocateShared,
  type FieldSpec,
  formatField,
  isRagged,
  type OpenSource,
  openSource,
  type SourceContext,
  type SourceDeclaration,
  type SourceHandles,
} from "@anneal/sources";
import type { Dataset, Selection } from "./dataset.ts";
import { isHeldOut } from "./order.ts";
import { loadTransforms, type TransformReference } from "./transform.ts";

/** A data set that was opened and checked: plain data over shared memory, ready to be posted to threads. */
export interface OpenDataset {
  readonly numSamples: number;
  /** Inputs after all transforms. */
  readonly inputs: FieldSpec;
  readonly labels: FieldSpec;
  readonly numClasses: number | null;
  readonly source: SourceHandles;
  /** Inputs as the source gives them, before all transforms. */
  readonly sourceInputs: FieldSpec;
  readonly transforms: readonly TransformReference[];
  /** Indices in the source of the samples, in order; null for all of them. */
  readonly indices: Uint32Array | null;
  /**
   * sha256 (hex) over the source's content, the selections and the transforms (their modules' bytes, their options): equal
   * digests, equal batches. Paths are no part of it; neither is what a transform's module imports.
   */
  readonly digest: string;
}

/** The sources there are keep nothing in the cache, and all of their samples in memory. */
const context: SourceContext = { cacheDirectory: join(tmpdir(), "anneal"), memoryBytes: 2 ** 32, onBadRecord: "fail" };

/** Sources by declaration: the data sets split from one share one copy of it in memory. */
const openSources = new WeakMap<SourceDeclaration, Promise<OpenSource>>();

/**
 * Reads and checks a data set and loads its transforms. Throws `DATASET_NOT_FOUND`, `DATASET_CORRUPT`,
 * `LABEL_OUT_OF_RANGE`, `TRANSFORM_FAILED`.
 */
export async function openDataset(dataset: Dataset): Promise<OpenDataset> {
  const source = await openShared(dataset.source);
  const { handles, numClasses, label } = source;
  const input = fixedInput(source);
  const transforms = await loadTransforms(dataset.transforms, input);
  const indices = selectIndices(source.numSamples, dataset.selections);
  return {
    numSamples: indices?.length ?? source.numSamples,
    inputs: transforms.at(-1)?.transform.output ?? input,
    labels: label,
    numClasses,
    source: handles,
    sourceInputs: input,
    transforms: dataset.transforms,
    indices,
    digest: await digestOf(source, dataset),
  };
}

/** Throws `SHAPE_MISMATCH` for samples that differ in length. */
function fixedInput({ input }: OpenSource): FieldSpec {
  if (!isRagged(input)) return input;
  throw new AnnealError(
    "SHAPE_MISMATCH",
    `The samples are ${formatField(input)}: they differ in length, and a batch needs one.`,
    "Give the data a step that makes them one length.",
    { found: formatField(input) },
  );
}

async function digestOf(source: OpenSource, { selections, transforms }: Dataset): Promise<string> {
  const steps = transforms.map(async ({ module, exportName, options }) => {
    const code = module.startsWith("file:") ? await readFile(fileURLToPath(module)) : module;
    return [createHash("sha256").update(code).digest("hex"), exportName, options];
  });
  const content = [source.digest, selections, await Promise.all(steps)];
  return createHash("sha256").update(JSON.stringify(content)).digest("hex");
}

function openShared(declaration: SourceDeclaration): Promise<OpenSource> {
  const known = openSources.get(declaration);
  if (known !== undefined) return known;
  const opening = openSource(declaration, context);
  openSources.set(declaration, opening);
  // A failure is not kept: the person may mend the file and try again.
  opening.catch(() => openSources.delete(declaration));
  return opening;
}

/** The indices that the selections leave, in shared memory; null when there are no selections. */
function selectIndices(numSamples: number, selections: readonly Selection[]): Uint32Array | null {
  if (selections.length === 0) return null;
  let indices = Array.from({ length: numSamples }, (_, index) => index);
  for (const selection of selections) {
    indices =
      selection.kind === "range"
        ? indices.slice(selection.start, selection.end)
        : indices.filter((index) => isHeldOut(selection.seed, index, selection.share) === (selection.side === "held"));
  }
  const kept = new Uint32Array(allocateShared(4 * indices.length), 0, indices.length);
  kept.set(indices);
  return kept;
}
