import { AnnealError } from "@anneal/contracts";
import { allocateShared, isRagged, numElements, type OpenSource } from "@anneal/sources";
import type { LeftOut } from "./bad-records.ts";
import type { Chain, ChainHandles } from "./chain.ts";
import type { BadRecordPolicy, DatasetPart, Selection } from "./dataset.ts";
import { digestOfPart } from "./digest.ts";
import type { OpenOptions } from "./open.ts";
import { splitNumber } from "./order.ts";
import { scanSamples } from "./scan.ts";
import { type TransformReference, undeclaredRandomness } from "./transform.ts";

interface SelectOptions {
  readonly source: OpenSource;
  readonly declared: DatasetPart;
  readonly chain: ChainHandles;
  /** Of the transforms that are made already: those before the first that has something to learn. */
  readonly loaded: Chain;
  readonly policy: BadRecordPolicy;
  readonly context: Pick<OpenOptions, "cacheDirectory" | "sampleTimeoutMs">;
}

export interface Selected {
  /** In shared memory; null for all samples. */
  readonly indices: Uint32Array | null;
  readonly leftOut: readonly LeftOut[];
}

/** The records that the source could not read when it was opened. */
export function foundBySource({ digest, badRecords }: OpenSource): readonly LeftOut[] {
  return badRecords.count === 0 ? [] : [{ foundBy: digest, ...badRecords }];
}

/** The samples that a part's selections leave, in order. */
export async function selectSamples(options: SelectOptions): Promise<Selected> {
  const { source, declared, loaded } = options;
  const { numSamples } = source;
  let indices: Uint32Array | null = null;
  const leftOut = [...foundBySource(source)];
  for (const [at, selection] of declared.selections.entries()) {
    if (selection.kind !== "filter") {
      indices = select(indices ?? all(numSamples), selection, source.keys);
      continue;
    }
    const { numTransforms } = selection;
    if (loaded.fields.length <= numTransforms) throw filteredByLearned(declared.transforms[loaded.fields.length - 1]!);
    const random = declared.transforms[loaded.numDeterministic];
    if (random !== undefined && loaded.numDeterministic < numTransforms) throw undeclaredRandomness(random);
    const found = await scan(options, indices, at, numTransforms);
    indices = keepFound(found, indices, numSamples);
    leftOut.push(...found.leftOut);
  }
  return { indices: indices === null ? null : inSharedMemory(indices), leftOut };
}

/** The samples that can be read and that no transform refuses. */
export async function leaveOutBad(options: SelectOptions, { indices, leftOut }: Selected): Promise<Selected> {
  const { declared, source } = options;
  const found = await scan(options, indices, declared.selections.length, declared.transforms.length);
  if (found.leftOut.length === 0) return { indices, leftOut };
  return {
    indices: inSharedMemory(keepFound(found, indices, source.numSamples)),
    leftOut: [...leftOut, ...found.leftOut],
  };
}

interface Found {
  readonly kept: Uint8Array;
  readonly leftOut: readonly LeftOut[];
}

function keepFound({ kept }: Found, indices: Uint32Array | null, numSamples: number): Uint32Array {
  return (indices ?? all(numSamples)).filter((_, at) => kept[at] === 1);
}

function filteredByLearned({ exportName }: TransformReference): AnnealError {
  return new AnnealError(
    "RECIPE_INVALID",
    `a filter comes after ${exportName}, which learns from the samples that the filter leaves`,
    "Put the filter before it.",
    { exportName },
  );
}

/** Looks at the samples that the selections before the given one left; beyond the last one there is nothing to judge them by. */
async function scan(
  { source, declared, chain, policy, context }: SelectOptions,
  indices: Uint32Array | null,
  at: number,
  numTransforms: number,
): Promise<Found> {
  const selection = declared.selections[at];
  const transforms = declared.transforms.slice(0, numTransforms);
  const { input, numSamples } = source;
  const digest = await digestOfPart(source, { selections: declared.selections.slice(0, at + 1), transforms });
  const { kept, numBad, places } = await scanSamples({
    chain: { ...chain, transforms },
    predicate: selection?.kind === "filter" ? selection.predicate : null,
    numSamples: indices?.length ?? numSamples,
    indices: indices === null ? null : inSharedMemory(indices),
    onBadRecord: policy.action,
    cacheDirectory: context.cacheDirectory,
    digest,
    sampleTimeoutMs: context.sampleTimeoutMs,
    sampleBytes: 4 * (isRagged(input) ? input.capacity : numElements(input.shape)),
  });
  return { kept, leftOut: numBad === 0 ? [] : [{ foundBy: digest, count: numBad, places }] };
}

function select(
  indices: Uint32Array,
  selection: Exclude<Selection, { readonly kind: "filter" }>,
  keys: BigUint64Array | null,
): Uint32Array {
  if (selection.kind === "range") return indices.slice(selection.start, selection.end);
  const { seed } = selection;
  const numberOf = (index: number) => splitNumber(seed, keys?.[index] ?? index);
  if (selection.kind === "part") {
    const { from, to } = selection;
    return indices.filter((index) => {
      const number = numberOf(index);
      return number >= from && number < to;
    });
  }
  const { share, side } = selection;
  return indices.filter((index) => numberOf(index) < share === (side === "held"));
}

function all(numSamples: number): Uint32Array {
  const indices = new Uint32Array(numSamples);
  for (let index = 0; index < numSamples; index++) indices[index] = index;
  return indices;
}

function inSharedMemory(indices: Uint32Array): Uint32Array {
  const shared = new Uint32Array(allocateShared(4 * indices.length), 0, indices.length);
  shared.set(indices);
  return shared;
}
