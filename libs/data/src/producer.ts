import { createReader, numElements, RandomStream, type SampleReader, type TypedArray, viewOf } from "@anneal/sources";
import type { OpenDataset } from "./open.ts";
import { epochPermutation } from "./order.ts";
import type { FeedPlan } from "./plan.ts";
import { Ring, type RingHandles } from "./ring.ts";
import { type FeedPhase, itemAt } from "./schedule.ts";
import { type LoadedTransform, loadTransforms, transformFailed } from "./transform.ts";

/** Fills parts of items: what runs in each thread of the pool. */
interface Producer {
  /** Fills one part of an item and marks it as done. Throws `TRANSFORM_FAILED`. */
  fill(item: number, part: number): Promise<{ readonly numSamples: number; readonly busyMs: number }>;
}

/** A data set as one thread sees it, with buffers between its transforms that are used for every sample. */
interface Pipeline {
  readonly dataset: OpenDataset;
  readonly reader: SampleReader;
  readonly transforms: readonly LoadedTransform[];
  /** The output buffer of each transform but the last, which writes into the slot. */
  readonly buffers: readonly TypedArray[];
}

export function createProducer(plan: FeedPlan, handles: RingHandles): Producer {
  const ring = new Ring(handles);
  const pipelines = new Map<FeedPhase, Promise<Pipeline>>();
  const orders = new Map<number, Uint32Array>();
  const random = new RandomStream("sample", 0, 0, 0);
  const inputLength = numElements(plan.inputs.shape);
  const labelLength = numElements(plan.labels.shape);
  const slotInputs = new Map<TypedArray, TypedArray[]>();

  function pipelineOf(phase: FeedPhase): Promise<Pipeline> {
    let pipeline = pipelines.get(phase);
    if (pipeline === undefined) {
      pipeline = createPipeline(plan.datasets[phase]!);
      pipelines.set(phase, pipeline);
    }
    return pipeline;
  }

  /** The order of an epoch. Prefetch touches two epochs at most, so two orders are kept. */
  function orderOf(epoch: number, numSamples: number): Uint32Array {
    let order = orders.get(epoch);
    if (order === undefined) {
      order = epochPermutation(plan.seed, epoch, numSamples);
      orders.set(epoch, order);
      if (orders.size > 2) orders.delete(Math.min(...orders.keys()));
    }
    return order;
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

  return {
    async fill(item, part) {
      const { epoch, phase, batch, numSamples } = itemAt(plan, item);
      const { dataset, reader, transforms, buffers } = await pipelineOf(phase);
      // From here on nothing else runs in this thread: before, the other task that waits in it may.
      const startedAt = performance.now();
      const order = phase === "train" && plan.shuffle ? orderOf(epoch, dataset.numSamples) : null;
      const slot = ring.slotOf(item);
      const targets = inputViewsOf(slot.inputs);
      const end = Math.min(numSamples, (part + 1) * handles.partSize);
      const start = part * handles.partSize;
      const indices = Uint32Array.from({ length: end - start }, (_, k) => {
        const position = batch * plan.batchSize + start + k;
        const selected = order === null ? position : order[position]!;
        return dataset.indices === null ? selected : dataset.indices[selected]!;
      });
      const loading = reader.load(indices);
      if (loading !== undefined) await loading;
      for (let i = start; i < end; i++) {
        const index = indices[i - start]!;
        ring.setProgress(item, part, index);
        random.reseed("sample", plan.seed, epoch, index);
        applyAll(transforms, buffers, reader.input(i - start), targets[i]!, random, index);
        reader.readLabel(i - start, slot.labels, i * labelLength);
      }
      ring.finishPart(item, part);
      return { numSamples: end - start, busyMs: performance.now() - startedAt };
    },
  };
}

async function createPipeline(dataset: OpenDataset): Promise<Pipeline> {
  const transforms = await loadTransforms(dataset.transforms, dataset.sourceInputs);
  const buffers = transforms.slice(0, -1).map(({ transform: { output } }) => {
    const length = numElements(output.shape);
    return viewOf(new ArrayBuffer(length * 4), output.dtype, 0, length);
  });
  return { dataset, reader: createReader(dataset.source), transforms, buffers };
}

function applyAll(
  transforms: readonly LoadedTransform[],
  buffers: readonly TypedArray[],
  input: TypedArray,
  target: TypedArray,
  random: RandomStream,
  sampleIndex: number,
): void {
  if (transforms.length === 0) {
    target.set(input);
    return;
  }
  let source = input;
  for (let i = 0; i < transforms.length; i++) {
    const { transform, reference } = transforms[i]!;
    const output = buffers[i] ?? target;
    try {
      transform.apply(source, output, random);
    } catch (cause) {
      throw transformFailed(reference, sampleIndex, cause);
    }
    source = output;
  }
}
