import { threadId } from "node:worker_threads";
import { type AnnealError, toAnnealError } from "@anneal/contracts";
import { numElements, type TypedArray, viewOf } from "@anneal/sources";
import { isOfSample, maxNamed, placeOfBad, tooManyBadRecords } from "./bad-records.ts";
import { blendInputs, drawBlend } from "./blend.ts";
import { openChain } from "./chain.ts";
import { type Draw, Draws, maxReplacements } from "./draws.ts";
import type { OpenDataset } from "./open.ts";
import type { FeedPlan } from "./plan.ts";
import { Ring, type RingHandles } from "./ring.ts";
import { SampleMaker } from "./sample-maker.ts";
import { type FeedPhase, itemAt } from "./schedule.ts";
import { Stage, type StageHandles } from "./stage.ts";

/** What a part that was filled took. */
export interface FilledPart {
  readonly numSamples: number;
  /** Of the thread, so that two parts it works on at a time do not count twice. */
  readonly busyMs: number;
  /** Samples that could not be made and were replaced: where the first few are. */
  readonly bad: readonly string[];
}

/** Where samples of streams are, by phase. */
export type Stages = Readonly<Partial<Record<FeedPhase, StageHandles>>>;

/** Fills parts of items: what runs in each thread of the pool. */
interface Producer {
  /** Fills one part of an item and marks it as done. Throws `TRANSFORM_FAILED`, `BAD_RECORD`, `BAD_RECORDS`. */
  fill(item: number, part: number): Promise<FilledPart>;
}

/** A sample on its way into another. */
interface Blended {
  readonly input: TypedArray;
  readonly label: TypedArray;
}

/** A data set as one thread sees it. */
interface Pipeline {
  readonly dataset: OpenDataset;
  readonly draws: Draws;
  readonly isSkipping: boolean;
  /** Where a partner is made that is blended into a sample, and a class before it is a label. */
  readonly partner: Blended;
  /** Makers that no part uses at the moment: as many as there are parts at a time. */
  readonly idle: SampleMaker[];
  readonly newMaker: () => SampleMaker;
}

export function createProducer(plan: FeedPlan, handles: RingHandles, stages: Stages): Producer {
  const ring = new Ring(handles);
  const pipelines = new Map<FeedPhase, Promise<Pipeline>>();
  const inputLength = numElements(plan.inputs.shape);
  const labelLength = numElements(plan.labels.shape);
  const slotInputs = new Map<TypedArray, TypedArray[]>();
  const clock = new BusyClock();

  function pipelineOf(phase: FeedPhase): Promise<Pipeline> {
    let pipeline = pipelines.get(phase);
    if (pipeline === undefined) {
      pipeline = openPipeline(plan, phase, stages[phase]);
      pipelines.set(phase, pipeline);
    }
    return pipeline;
  }

  /** Views of a slot's samples, made once: the ring's memory never moves. */
  function inputViewsOf(slot: TypedArray): TypedArray[] {
    let views = slotInputs.get(slot);
    if (views === undefined) {
      views = Array.from({ length: plan.batchSize }, (_, i) => slot.subarray(i * inputLength, (i + 1) * inputLength));
      slotInputs.set(slot, views);
    }
    return views;
  }

  /** Adds a class with this share to the labels of the i-th sample. */
  function addLabel(labels: TypedArray, i: number, label: number, share: number): void {
    labels[i * labelLength + label]! += share;
  }

  async function fillWith(maker: SampleMaker, pipeline: Pipeline, item: number, part: number): Promise<FilledPart> {
    const { epoch, phase, batch, numSamples } = itemAt(plan, item);
    const { draws, dataset, isSkipping } = pipeline;
    const slot = ring.slotOf(item);
    const targets = inputViewsOf(slot.inputs);
    const partSize = ring.partSizeOf(item);
    const start = part * partSize;
    const end = Math.min(numSamples, start + partSize);
    const positionOf = (i: number) => batch * plan.batchSize + i;
    const drawn: Draw[] = [];
    for (let i = start; i < end; i++) drawn.push(draws.at(epoch, positionOf(i)));
    const blend = phase === "train" ? dataset.blend : null;
    const numPlaces = dataset.isStream ? numSamples : dataset.numSamples;
    const placeOf = (k: number) => ({ seed: plan.seed, epoch, position: positionOf(start + k), numPlaces });
    const blends = blend === null ? [] : drawn.map((_, k) => drawBlend(blend, placeOf(k)));
    const partners = blends.map(({ place }) => draws.at(epoch, dataset.isStream ? positionOf(place) : place));
    const bad: { readonly i: number; readonly failure: AnnealError }[] = [];

    /** Makes one of the samples that are loaded. Gives its failure where it may be skipped. */
    function make(k: number, draw: Draw, i: number, into: Blended | null = null): AnnealError | null {
      ring.setProgress(item, part, draw, i - start + 1);
      try {
        if (into !== null) maker.make(k, into.input, into.label, 0);
        else if (dataset.hasSoftLabels) {
          maker.make(k, targets[i]!, pipeline.partner.label, 0);
          addLabel(slot.labels, i, pipeline.partner.label[0]!, 1);
        } else maker.make(k, targets[i]!, slot.labels, i * labelLength);
        return null;
      } catch (cause) {
        const failure = toAnnealError(cause);
        if (isSkipping && isOfSample(failure)) return failure;
        throw failure;
      }
    }

    /** Another sample in the place of a bad one, the first that is sound. */
    async function replace(i: number, first: AnnealError): Promise<void> {
      const itsBatch = { first: positionOf(0), count: numSamples };
      for (let attempt = 1; attempt <= maxReplacements; attempt++) {
        const draw = draws.replacement(epoch, positionOf(i), attempt, itsBatch);
        await maker.load([draw]);
        const failure = make(0, draw, i);
        if (failure === null) return;
        bad.push({ i, failure });
      }
      const { maxShare } = dataset.badRecords;
      throw tooManyBadRecords(maxReplacements, maxReplacements, maxShare, [placeOfBad(first)]);
    }

    maker.begin(item);
    ring.setProgress(item, part, drawn[0]!, 0);
    const loading = maker.load(partners.length === 0 ? drawn : [...drawn, ...partners]);
    if (loading !== undefined) await loading;
    if (dataset.hasSoftLabels) slot.labels.fill(0, start * labelLength, end * labelLength);
    drawn.forEach((draw, k) => {
      const failure = make(k, draw, start + k);
      if (failure !== null) bad.push({ i: start + k, failure });
    });
    const numReplaced = bad.length;
    for (const [k, draw] of blends.entries()) {
      const i = start + k;
      // One that will be replaced stays as it is then.
      if (bad.slice(0, numReplaced).some((other) => other.i === i)) continue;
      const failure = make(drawn.length + k, partners[k]!, i, pipeline.partner);
      if (failure !== null) {
        bad.push({ i, failure });
        continue;
      }
      const { input, label } = pipeline.partner;
      const share = blendInputs(blend!, draw, targets[i]!, input, plan.inputs);
      const row = slot.labels.subarray(i * labelLength, (i + 1) * labelLength);
      row.forEach((value, at) => {
        row[at] = share * value;
      });
      addLabel(slot.labels, i, label[0]!, 1 - share);
    }
    for (const { i, failure } of bad.slice(0, numReplaced)) await replace(i, failure);
    ring.finishPart(item, part, bad.length);
    const places = bad.slice(0, maxNamed).map(({ failure }) => placeOfBad(failure));
    return { numSamples: end - start, busyMs: 0, bad: places };
  }

  return {
    async fill(item, part) {
      ring.begin(item, part, threadId);
      const pipeline = await pipelineOf(itemAt(plan, item).phase);
      const maker = pipeline.idle.pop() ?? pipeline.newMaker();
      clock.enter();
      try {
        const filled = await fillWith(maker, pipeline, item, part);
        return { ...filled, busyMs: clock.take() };
      } finally {
        clock.leave();
        pipeline.idle.push(maker);
      }
    },
  };
}

async function openPipeline(plan: FeedPlan, phase: FeedPhase, staged: StageHandles | undefined): Promise<Pipeline> {
  const dataset = plan.datasets[phase]!;
  const chains = await Promise.all(dataset.parts.map(openChain));
  const isTraining = phase === "train";
  const stage = staged === undefined ? null : new Stage(staged);
  const inputLength = numElements(plan.inputs.shape);
  const { labels: label } = dataset.parts[0]!;
  const labelLength = numElements(label.shape);
  return {
    dataset,
    draws: new Draws(dataset, { seed: plan.seed, shuffle: isTraining && plan.shuffle }),
    // Held-out data was looked through when it was opened; only what is not left out there can be met here.
    isSkipping: dataset.badRecords.action === "skip",
    partner: {
      input: viewOf(new ArrayBuffer(4 * inputLength), plan.inputs.dtype, 0, inputLength),
      label: viewOf(new ArrayBuffer(4 * labelLength), label.dtype, 0, labelLength),
    },
    idle: [],
    newMaker: () => new SampleMaker(dataset, chains, stage),
  };
}

/** The time in which a thread worked on anything at all. */
class BusyClock {
  #numWorking = 0;
  #since = 0;
  #ms = 0;

  enter(): void {
    this.#count();
    this.#numWorking += 1;
  }

  leave(): void {
    this.#count();
    this.#numWorking -= 1;
  }

  /** Since it was asked last, in ms. */
  take(): number {
    this.#count();
    const ms = this.#ms;
    this.#ms = 0;
    return ms;
  }

  #count(): void {
    const now = performance.now();
    if (this.#numWorking > 0) this.#ms += now - this.#since;
    this.#since = now;
  }
}
