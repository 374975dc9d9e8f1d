import { AnnealError } from "@anneal/contracts";
import type { SourceDeclaration } from "@anneal/sources";
import type { Blend } from "./blend.ts";
import { type InlineTransform, inlinePredicate, inlineTransform } from "./inline.ts";
import type { Predicate, TransformReference } from "./transform.ts";
import { padTo } from "./transforms/index.ts";

/** Which of the samples before it a step keeps, in their order. */
export type Selection =
  | { readonly kind: "range"; readonly start: number; readonly end: number }
  | { readonly kind: "split"; readonly share: number; readonly seed: number; readonly side: "rest" | "held" }
  /** Samples whose number of this seed, uniform in 0..1, is within from..to. */
  | { readonly kind: "part"; readonly seed: number; readonly from: number; readonly to: number }
  /** Judged by what the first `numTransforms` transforms make of a sample. */
  | { readonly kind: "filter"; readonly predicate: TransformReference; readonly numTransforms: number };

/** Samples of one source: some of them, each passed through transforms. */
export interface DatasetPart {
  readonly source: SourceDeclaration;
  readonly selections: readonly Selection[];
  readonly transforms: readonly TransformReference[];
  /** How often its samples are drawn, relative to the other parts of a mixture. */
  readonly weight: number;
  /** What these first transforms make of a sample is kept for later epochs; null for nothing. */
  readonly cachedTransforms: number | null;
}

/** What to do about a sample that cannot be read, or that a transform refuses. */
export interface BadRecordPolicy {
  readonly action: "fail" | "skip";
  /** More of the samples of an epoch than this share (0..1) is a failure all the same: `BAD_RECORDS`. */
  readonly maxShare: number;
}

/** What holds for a data set as a whole. */
export interface DatasetSettings {
  /** In a new order each epoch: by the run's seed (true) or by one of its own. Of training data alone. */
  readonly shuffle: boolean | number;
  /** Samples of a stream that are shuffled among themselves. */
  readonly window: number;
  /** Samples of an epoch of a mixture; null for as many as its parts have. */
  readonly numSamples: number | null;
  /** Memory for what is kept for later epochs; null for as much as seems right. */
  readonly cacheMemoryBytes: number | null;
  readonly badRecords: BadRecordPolicy;
  /** Of training data alone; null for samples as they are. */
  readonly blend: Blend | null;
}

/** Samples of a stream that are shuffled among themselves, unless it is told otherwise. */
export const defaultWindow = 1_024;

const plainSettings: DatasetSettings = {
  shuffle: true,
  window: defaultWindow,
  numSamples: null,
  cacheMemoryBytes: null,
  badRecords: { action: "fail", maxShare: 0 },
  blend: null,
};

/** Two or three data sets that share no sample. */
export interface Sides {
  readonly train: Dataset;
  readonly validation: Dataset;
  readonly test: Dataset;
}

/** A declaration of data: immutable and cheap; nothing is read before `openDataset`. */
export class Dataset {
  /** More than one where data sets are mixed. */
  readonly parts: readonly DatasetPart[];
  readonly settings: DatasetSettings;

  constructor(parts: readonly DatasetPart[], settings: DatasetSettings = plainSettings) {
    this.parts = parts;
    this.settings = settings;
    Object.freeze(this);
  }

  /** All samples of a source. */
  static of(source: SourceDeclaration): Dataset {
    return new Dataset([{ source, selections: [], transforms: [], weight: 1, cachedTransforms: null }]);
  }

  /**
   * The same samples, their inputs passed through one more transform. Whether it takes inputs of this shape and dtype shows
   * when the data is opened: `TRANSFORM_FAILED` before step 1.
   *
   * A function written here keeps shape and dtype. It is sent to threads by its text, so that it may use nothing but its
   * arguments and the globals of JavaScript; one that has a third parameter is taken to draw random numbers from it.
   *
   * @throws AnnealError RECIPE_INVALID for a function that has no such text
   */
  map(transform: TransformReference | InlineTransform): Dataset {
    const reference = typeof transform === "function" ? inlineTransform(transform) : transform;
    return this.#each((part) => ({ ...part, transforms: [...part.transforms, reference] }));
  }

  /**
   * The samples that a predicate keeps: it sees the input as the transforms before have made it, and the label. It is asked once for
   * each sample, when the data is opened; the answers are kept in the cache for the next time. So no transform before it may be
   * random (`TRANSFORM_FAILED`). A function written here is as one of `map`.
   *
   * @throws AnnealError RECIPE_INVALID for a function that has no text of its own
   */
  filter(predicate: TransformReference | Predicate): Dataset {
    const reference = typeof predicate === "function" ? inlinePredicate(predicate) : predicate;
    return this.#each((part) =>
      select(part, { kind: "filter", predicate: reference, numTransforms: part.transforms.length }),
    );
  }

  /** Samples that differ in length, made this long: what is beyond is left out, what is missing has the `value` (default 0). */
  padTo(length: number, value = 0): Dataset {
    return this.map(padTo({ length, value }));
  }

  /**
   * Keeps what the transforms so far make of a sample, up to the first random one, for later epochs: in memory up to `memoryBytes`, the
   * rest in a file that is gone when the process ends. Never changes a number, and is no part of a checkpoint.
   *
   * @param options.memoryBytes by default a quarter of the memory that is free, or of the run's budget
   */
  cache(options: { readonly memoryBytes?: number } = {}): Dataset {
    return this.#each(
      (part) => ({ ...part, cachedTransforms: part.transforms.length }),
      options.memoryBytes === undefined ? {} : { cacheMemoryBytes: options.memoryBytes },
    );
  }

  /**
   * The order of training samples: a new one each epoch by a seed of its own, or (false) as they come. By default by the run's seed.
   *
   * @param options.window of a generator: so many samples, one window after another, are shuffled among themselves, and held in
   *   memory. Default 1,024
   * @throws RangeError for a window that is no integer from 1
   */
  shuffle(seed: number | boolean, options: { readonly window?: number } = {}): Dataset {
    const { window = this.settings.window } = options;
    if (!Number.isInteger(window) || window < 1)
      throw new RangeError(`window must be an integer from 1, not ${window}`);
    return this.#each((part) => part, { shuffle: seed, window });
  }

  /**
   * Training samples blended with others of the set, chosen by (seed, epoch, position), after all transforms: sums of two (float32 inputs), their
   * share drawn from Beta(alpha, alpha). Labels of all the run's data become shares of each class, float32[numClasses], which
   * `softmaxCrossEntropy` and `accuracy` take as they take classes.
   *
   * @param options.alpha 0 < alpha <= 1; default 0.2
   * @throws RangeError for another alpha
   */
  mixup(options: { readonly alpha?: number } = {}): Dataset {
    return this.#blend("mixup", options.alpha ?? 0.2);
  }

  /**
   * As `mixup`, but a rectangle of the other image takes the place of a part of this one.
   *
   * @param options.alpha 0 < alpha <= 1; default 1
   * @throws RangeError for another alpha
   */
  cutmix(options: { readonly alpha?: number } = {}): Dataset {
    return this.#blend("cutmix", options.alpha ?? 1);
  }

  #blend(kind: Blend["kind"], alpha: number): Dataset {
    if (!(alpha > 0 && alpha <= 1)) throw new RangeError(`alpha must be above 0, and 1 at most, not ${alpha}`);
    return this.#each((part) => part, { blend: { kind, alpha } });
  }

  /**
   * What to do about samples that cannot be read or that a transform refuses. Skipped in training, another sample takes
   * the place in the batch, chosen by (seed, epoch, position); validation and test data are looked through when they are
   * opened, and such samples left out. All are counted.
   *
   * @param policy.maxShare above this share (0..1) of the samples the run fails: `BAD_RECORDS`. Default 0.01
   * @throws RangeError for a share outside of 0..1
   */
  onBadRecord({ action, maxShare = 0.01 }: { action: BadRecordPolicy["action"]; maxShare?: number }): Dataset {
    requireShare("maxShare", maxShare);
    return this.#each((part) => part, { badRecords: { action, maxShare } });
  }

  /**
   * Disjoint data sets by a share: `held` has about `share` (0..1) of the samples, `rest` the others. Or by three shares, which
   * add up to 1; what is left out of two is the third. The side of a sample depends on its key and the seed only: the key that its source
   * gives it (a path, a column), else its index; so it stays when samples are added.
   *
   * @throws RangeError for a share outside of 0..1, or shares that do not add up to 1
   */
  split(options: { readonly share: number; readonly seed?: number }): {
    readonly rest: Dataset;
    readonly held: Dataset;
  };
  split(options: {
    readonly train: number;
    readonly validation: number;
    readonly test?: number;
    readonly seed?: number;
  }): Sides;
  split(
    options:
      | { readonly share: number; readonly seed?: number }
      | { readonly train: number; readonly validation: number; readonly test?: number; readonly seed?: number },
  ): { readonly rest: Dataset; readonly held: Dataset } | Sides {
    const { seed = 0 } = options;
    if ("share" in options) {
      const { share } = options;
      requireShare("share", share);
      const side = (name: "rest" | "held") =>
        this.#each((part) => select(part, { kind: "split", share, seed, side: name }));
      return { rest: side("rest"), held: side("held") };
    }
    const { train, validation, test = 1 - train - validation } = options;
    for (const [name, share] of Object.entries({ train, validation, test })) requireShare(name, share, 1e-9);
    const sum = train + validation + test;
    if (Math.abs(sum - 1) > 1e-9) throw new RangeError(`the shares of a split must add up to 1, not ${sum}`);
    const between = (from: number, to: number) => this.#each((part) => select(part, { kind: "part", seed, from, to }));
    const end = train + validation;
    // The last side ends where the numbers do, whatever the sum was rounded to.
    return { train: between(0, train), validation: between(train, end), test: between(end, 1) };
  }

  /**
   * The first `numSamples`, or all if there are fewer. Of a mixture: so many draws an epoch.
   *
   * @throws RangeError for what is no integer from 0
   */
  take(numSamples: number): Dataset {
    if (this.parts.length === 1) return this.range(0, numSamples);
    requireCount("take", numSamples);
    return this.#each((part) => part, { numSamples });
  }

  /**
   * The samples start .. end - 1 of this data set, counted after the selections before; `end` beyond the last means all that
   * follow.
   *
   * @throws RangeError unless both are integers with 0 <= start <= end
   * @throws AnnealError RECIPE_INVALID for a mixture, which has no places
   */
  range(start: number, end: number = Number.MAX_SAFE_INTEGER): Dataset {
    if (!Number.isInteger(start) || !Number.isInteger(end) || start < 0 || end < start) {
      throw new RangeError(`range needs integers with 0 <= start <= end, not ${start}, ${end}`);
    }
    if (this.parts.length > 1) {
      throw new AnnealError(
        "RECIPE_INVALID",
        "a mixture has no range: its samples have no places",
        "Give the data sets a range before they are mixed.",
      );
    }
    return this.#each((part) => select(part, { kind: "range", start, end }));
  }

  #each(change: (part: DatasetPart) => DatasetPart, settings: Partial<DatasetSettings> = {}): Dataset {
    return new Dataset(this.parts.map(change), { ...this.settings, ...settings });
  }
}

/**
 * Several data sets as one, drawn from by their weights: of each epoch a share of the samples comes from each, spread by chance. A data
 * set goes through all of its samples, in an order of its own, before it begins again, epoch borders or not: a small one
 * with a large weight repeats, a large one with a small weight goes on where it was.
 *
 * All must have the same fields (`SHAPE_MISMATCH` when they are opened). What to do about bad records, memory for `cache` and
 * order are those of the first.
 *
 * @param options.numSamples samples of an epoch; by default as many as all have together
 * @throws RangeError for no data set, weights that are not above 0, a number of samples that is no integer from 1
 */
export function mix(
  members: readonly { readonly dataset: Dataset; readonly weight?: number }[],
  options: { readonly numSamples?: number } = {},
): Dataset {
  const [first] = members;
  if (first === undefined) throw new RangeError("a mixture needs one data set or more");
  const wrong = members.find(({ weight = 1 }) => !(weight > 0 && Number.isFinite(weight)));
  if (wrong !== undefined) throw new RangeError(`the weights of a mixture must be above 0, not ${wrong.weight}`);
  const { numSamples = null } = options;
  if (numSamples !== null) requireCount("mix", numSamples);
  const parts = members.flatMap(({ dataset, weight = 1 }) => {
    const sum = dataset.parts.reduce((total, part) => total + part.weight, 0);
    return dataset.parts.map((part) => ({ ...part, weight: (weight * part.weight) / sum }));
  });
  return new Dataset(parts, { ...first.dataset.settings, numSamples });
}

function select(part: DatasetPart, selection: Selection): DatasetPart {
  return { ...part, selections: [...part.selections, selection] };
}

function requireShare(name: string, share: number, tolerance = 0): void {
  if (!(share >= -tolerance && share <= 1 + tolerance)) {
    throw new RangeError(`${name} must be within 0..1, not ${share}`);
  }
}

function requireCount(name: string, count: number): void {
  if (!Number.isInteger(count) || count < 0) throw new RangeError(`${name} needs an integer from 0, not ${count}`);
}
