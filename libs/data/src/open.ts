import { freemem, tmpdir } from "node:os";
import { join } from "node:path";
import { AnnealError } from "@anneal/contracts";
import {
  defaultSampleTimeoutMs,
  type FieldSpec,
  formatField,
  isRagged,
  type OpenSource,
  openSource,
  type SourceContext,
  type SourceDeclaration,
} from "@anneal/sources";
import { countLeftOut, type LeftOut, tooManyBadRecords } from "./bad-records.ts";
import { type Blend, requireBlendable, softField } from "./blend.ts";
import { type Chain, type ChainHandles, openChain } from "./chain.ts";
import type { BadRecordPolicy, Dataset, DatasetPart, DatasetSettings } from "./dataset.ts";
import { digestOfPart, digestOfParts } from "./digest.ts";
import { type Fitted, type FoundPart, learn, numKnown, withStates } from "./fit.ts";
import { requireReachable } from "./inline.ts";
import type { NameOfModule } from "./module-name.ts";
import { apportion } from "./order.ts";
import { type CacheHandles, cacheMemoryBytes, createCache } from "./sample-cache.ts";
import { foundBySource, leaveOutBad, selectSamples } from "./select.ts";
import { requireStreamable } from "./stream-checks.ts";
import { withShares } from "./topic-shares.ts";

/** Samples of one source that were found and checked. */
export interface OpenPart extends ChainHandles {
  readonly numSamples: number;
  /** How many of an epoch's samples are drawn from it. */
  readonly perEpoch: number;
  /** Indices in the source of the samples, in order; null for all of them. */
  readonly indices: Uint32Array | null;
  /** What is kept for later epochs; null for nothing. */
  readonly cache: CacheHandles | null;
}

/** A data set that was opened and checked: plain data over shared memory, ready to be posted to threads. */
export interface OpenDataset {
  /** Of an epoch. */
  readonly numSamples: number;
  /** Inputs after all transforms. */
  readonly inputs: FieldSpec;
  /** Of a batch: those of the parts, or shares of each class. */
  readonly labels: FieldSpec;
  /** Labels are shares of each class, not classes. */
  readonly hasSoftLabels: boolean;
  readonly blend: Blend | null;
  readonly numClasses: number | null;
  /** More than one where data sets are mixed. */
  readonly parts: readonly OpenPart[];
  /** Places in the data set's own order that are all there is of it; null for every place. */
  readonly places: Uint32Array | null;
  readonly shuffle: boolean | number;
  /** Samples of a stream that are shuffled among themselves. */
  readonly window: number;
  /** The samples have no numbers by which they could be read: one thread reads them in their order. */
  readonly isStream: boolean;
  readonly badRecords: BadRecordPolicy;
  /** What transforms learned, or had learned before. */
  readonly fitted: Fitted;
  /** Samples that cannot be read and were left out, by the look that found them: data sets of one source may share some. */
  readonly leftOut: readonly LeftOut[];
  /**
   * sha256 (hex) over the sources' content, the selections and the transforms (their modules' bytes, their options): equal
   * digests, equal batches. Paths are no part of it; neither is what a transform's module imports.
   */
  readonly digest: string;
}

export interface OpenOptions extends Omit<SourceContext, "onBadRecord"> {
  /** Whether each sample is looked at while the data is opened, where bad ones are to be skipped: what is not trained on is. */
  readonly isHeldOut: boolean;
  /** What transforms learned when the run was prepared: it is never learned anew. */
  readonly fitted: Fitted;
  /** Memory that is left for samples that are kept for later epochs: data sets take their part of it. */
  readonly cacheAllowance: { bytes: number };
  /** Time for one sample, while the data is looked through and learned from. Default 30,000. */
  readonly sampleTimeoutMs: number;
  /** By which what the person's own transforms learned is found again, wherever their modules are then. Default: the URL itself. */
  readonly nameOfModule: NameOfModule;
}

function plainOptions(): OpenOptions {
  return {
    cacheDirectory: join(tmpdir(), "anneal"),
    memoryBytes: 2 ** 32,
    isHeldOut: false,
    fitted: {},
    cacheAllowance: { bytes: freemem() / 4 },
    sampleTimeoutMs: defaultSampleTimeoutMs,
    nameOfModule: (url) => url,
  };
}

/** Sources by declaration: the data sets split from one share one copy of it in memory. */
const openSources = new WeakMap<SourceDeclaration, Map<string, Promise<OpenSource>>>();

/**
 * Reads and checks a data set and loads its transforms. Throws `DATASET_NOT_FOUND`, `DATASET_CORRUPT`, `DATASET_SCHEMA`,
 * `LABEL_OUT_OF_RANGE`, `TRANSFORM_FAILED`, `SHAPE_MISMATCH` (samples that differ in length, parts that differ), `BAD_RECORD`,
 * `BAD_RECORDS`, `RECIPE_INVALID`.
 */
export async function openDataset(dataset: Dataset, options: Partial<OpenOptions> = {}): Promise<OpenDataset> {
  const context = { ...plainOptions(), ...options };
  const { settings } = dataset;
  const found: FoundPart[] = [];
  // One after another: they often share files, which are read once.
  for (const part of dataset.parts) found.push(await findSamples(part, settings.badRecords, context));
  requireStreamable(dataset, found);
  const fitted = await learn(found, {
    known: context.fitted,
    mayLearn: !context.isHeldOut,
    sampleTimeoutMs: context.sampleTimeoutMs,
    nameOfModule: context.nameOfModule,
  });
  const opened: OpenedPart[] = [];
  for (const part of found) opened.push(await openPart(part, fitted, settings, context));
  const [first] = opened as [OpenedPart];
  for (const other of opened) requireSameFields(first, other);
  const total = opened.reduce((sum, { part }) => sum + part.numSamples, 0);
  const numSamples = opened.length === 1 ? total : (settings.numSamples ?? total);
  const perEpoch = apportion(
    dataset.parts.map(({ weight }, part) => (opened[part]!.part.numSamples > 0 ? weight : 0)),
    total === 0 ? 0 : numSamples,
  );
  const made: OpenDataset = {
    numSamples: total === 0 ? 0 : numSamples,
    inputs: first.inputs,
    labels: first.part.labels,
    hasSoftLabels: false,
    blend: settings.blend,
    numClasses: first.numClasses,
    parts: opened.map(({ part }, at) => ({ ...part, perEpoch: perEpoch[at]! })),
    places: null,
    shuffle: settings.shuffle,
    window: settings.window,
    isStream: opened.some(({ part }) => part.source.kind === "stream"),
    badRecords: settings.badRecords,
    fitted,
    leftOut: opened.flatMap(({ leftOut }) => leftOut),
    digest: digestOfParts(
      opened.map(({ digest, part }, at) => ({ digest, numSamples: part.numSamples, perEpoch: perEpoch[at]! })),
      dataset,
    ),
  };
  if (settings.blend === null) return made;
  requireBlendable(settings.blend, made);
  return softenLabels(made);
}

/** The same data set with labels that are shares of each class. It has classes. */
export function softenLabels(dataset: OpenDataset): OpenDataset {
  if (dataset.hasSoftLabels) return dataset;
  return { ...dataset, labels: softField(dataset.numClasses ?? 1), hasSoftLabels: true };
}

/** A data set of the samples at some places of another, in the order that is asked for. */
export function pickSamples(dataset: OpenDataset, places: readonly number[]): OpenDataset {
  const picked = Uint32Array.from(places, (place) => dataset.places?.[place] ?? place);
  return { ...dataset, numSamples: places.length, places: picked };
}

/** Memory that the samples kept for later epochs take, once all are. */
export function cacheBytesOf({ parts }: OpenDataset): number {
  return parts.reduce((sum, { cache }) => sum + (cache === null ? 0 : cacheMemoryBytes(cache)), 0);
}

interface OpenedPart {
  readonly part: Omit<OpenPart, "perEpoch">;
  readonly inputs: FieldSpec;
  readonly numClasses: number | null;
  readonly leftOut: OpenDataset["leftOut"];
  readonly digest: string;
}

async function findSamples(asked: DatasetPart, policy: BadRecordPolicy, context: OpenOptions): Promise<FoundPart> {
  const declared = withShares(asked);
  const source = await openShared(declared.source, { ...context, onBadRecord: policy.action });
  const transforms = withStates(declared.transforms, context.fitted, context.nameOfModule);
  const chain = { source: source.handles, sourceInputs: source.input, labels: source.label };
  const made = { ...chain, transforms: transforms.slice(0, numKnown(transforms)) };
  const loaded = await openChain(made);
  const known = { ...declared, transforms };
  const selected =
    source.handles.kind === "stream"
      ? { indices: null, leftOut: foundBySource(source) }
      : await selectSamples({ source, declared: known, chain: made, loaded, policy, context });
  return { declared: known, source, selected, onBadRecord: policy.action };
}

async function openPart(
  { declared, source, selected: found }: FoundPart,
  fitted: Fitted,
  settings: DatasetSettings,
  context: OpenOptions,
): Promise<OpenedPart> {
  const { badRecords: policy } = settings;
  const { handles, numClasses, label, input } = source;
  const transforms = withStates(declared.transforms, fitted, context.nameOfModule);
  const chain: ChainHandles = { source: handles, sourceInputs: input, labels: label, transforms };
  const loaded = await openChain(chain);
  await requireReachable(chain, context.sampleTimeoutMs);
  const known = { ...declared, transforms };
  const isLookedThrough = context.isHeldOut && policy.action === "skip" && handles.kind !== "stream";
  const selected = isLookedThrough
    ? await leaveOutBad({ source, declared: known, chain, loaded, policy, context }, found)
    : found;
  const { count, places } = countLeftOut(selected.leftOut);
  const numLooked = source.numSamples + source.badRecords.count;
  if (count > policy.maxShare * numLooked) throw tooManyBadRecords(count, numLooked, policy.maxShare, places);
  const numSamples = selected.indices?.length ?? source.numSamples;
  return {
    part: {
      ...chain,
      numSamples,
      indices: selected.indices,
      cache: openCache(declared, loaded, { numSamples, labels: label, settings, context }),
    },
    inputs: fixedField(loaded.fields.at(-1)!),
    numClasses,
    leftOut: selected.leftOut,
    digest: await digestOfPart(source, known),
  };
}

/** Room for what the transforms before the cache, up to the first random one, make. */
function openCache(
  { cachedTransforms }: DatasetPart,
  { numDeterministic, fields }: Chain,
  {
    numSamples,
    labels,
    settings,
    context,
  }: {
    readonly numSamples: number;
    readonly labels: FieldSpec;
    readonly settings: DatasetSettings;
    readonly context: OpenOptions;
  },
): CacheHandles | null {
  if (cachedTransforms === null || numSamples === 0) return null;
  const { cacheAllowance: allowance, cacheDirectory } = context;
  const numTransforms = Math.min(cachedTransforms, numDeterministic);
  const cache = createCache({
    numTransforms,
    input: fields[numTransforms]!,
    labels,
    numSamples,
    memoryBytes: settings.cacheMemoryBytes ?? allowance.bytes,
    directory: join(cacheDirectory, "data"),
  });
  allowance.bytes = Math.max(0, allowance.bytes - cacheMemoryBytes(cache));
  return cache;
}

/** Throws `SHAPE_MISMATCH` for samples that differ in length. */
function fixedField(field: OpenSource["input"]): FieldSpec {
  if (!isRagged(field)) return field;
  throw new AnnealError(
    "SHAPE_MISMATCH",
    `The samples are ${formatField(field)}: they differ in length, and a batch needs one.`,
    "Give the data a step that makes them one length: padTo(length).",
    { found: formatField(field) },
  );
}

function requireSameFields(first: OpenedPart, other: OpenedPart): void {
  for (const [name, of] of [
    ["inputs", ({ inputs }: OpenedPart) => formatField(inputs)],
    ["labels", ({ part }: OpenedPart) => formatField(part.labels)],
    ["number of classes", ({ numClasses }: OpenedPart) => `${numClasses ?? "unknown"}`],
  ] as const) {
    if (of(first) === of(other)) continue;
    throw new AnnealError(
      "SHAPE_MISMATCH",
      `Data sets that are mixed differ in their ${name}: ${of(first)}, ${of(other)}.`,
      "Give them transforms that make them alike before they are mixed.",
      { field: name, expected: of(first), found: of(other) },
    );
  }
}

function openShared(declaration: SourceDeclaration, context: SourceContext): Promise<OpenSource> {
  const opened = openSources.get(declaration) ?? new Map<string, Promise<OpenSource>>();
  openSources.set(declaration, opened);
  const key = `${context.onBadRecord} ${context.cacheDirectory}`;
  const known = opened.get(key);
  if (known !== undefined) return known;
  const opening = openSource(declaration, context);
  opened.set(key, opening);
  // A failure is not kept: the person may mend the file and try again.
  opening.catch(() => opened.delete(key));
  return opening;
}
