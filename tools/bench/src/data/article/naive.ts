import type { Json } from "@anneal/contracts";
import type { TransformFactory, TransformReference } from "@anneal/data";
import {
  allocateShared,
  createReader,
  type FieldSpec,
  numElements,
  openSource,
  RandomStream,
  type SampleSpec,
  viewOf,
} from "@anneal/sources";
import { heavyPictures } from "./dataset.ts";
import type { ArticleOrder, TrainRequest } from "./protocol.ts";
import { Training } from "./training.ts";

/**
 * The loop as one writes it first: each picture is read, decoded and transformed, then the engine takes the batch, all of it in
 * turn in one thread. Nothing of the feed is used; order and random numbers are made by the same rules.
 */
export async function trainNaively(order: ArticleOrder, cacheDirectory: string) {
  const { batchSize, seed } = order;
  const [part] = heavyPictures(order.data).parts;
  if (part === undefined) throw new Error("there are no pictures");
  const { handles, input, numSamples } = await openSource(part.source, {
    cacheDirectory,
    memoryBytes: 2 ** 30,
    onBadRecord: "fail",
  });
  const reader = createReader(handles);
  const transforms = await makeTransforms(part.transforms, input);
  const size = numElements(transforms.at(-1)!.field.shape);
  const inputs = viewOf(allocateShared(4 * batchSize * size), "float32", 0, batchSize * size);
  const labels = viewOf(allocateShared(4 * batchSize), "int32", 0, batchSize);
  const random = new RandomStream("sample", 0, 0, 0);
  const training = new Training(order);

  const trainEpoch = async (epoch: number): Promise<void> => {
    const indices = shuffled(seed, epoch, numSamples);
    for (let from = 0; from < numSamples; from += batchSize) {
      const count = Math.min(batchSize, numSamples - from);
      for (let k = 0; k < count; k += 1) {
        const index = indices[from + k]!;
        await reader.load(Uint32Array.of(index));
        random.reseed("sample", seed, epoch, index);
        let values = reader.input(0);
        for (const [at, { transform, buffer }] of transforms.entries()) {
          const target = at < transforms.length - 1 ? buffer : inputs.subarray(k * size, (k + 1) * size);
          transform.apply(values, target, random);
          values = target;
        }
        reader.readLabel(0, labels, k);
      }
      const batch = { numSamples: count, inputs: inputs.subarray(0, count * size), labels: labels.subarray(0, count) };
      training.train(batch);
    }
  };
  return async ({ firstEpoch, numEpochs }: TrainRequest) => {
    for (let epoch = firstEpoch; epoch < firstEpoch + numEpochs; epoch += 1) await trainEpoch(epoch);
    return training.take();
  };
}

async function makeTransforms(references: readonly TransformReference[], input: SampleSpec) {
  let field = input as FieldSpec;
  const made: {
    readonly transform: ReturnType<TransformFactory>;
    readonly buffer: Uint8Array | Float32Array;
    readonly field: FieldSpec;
  }[] = [];
  for (const { module, exportName, options } of references) {
    const factory = ((await import(module)) as Record<string, TransformFactory<Json>>)[exportName]!;
    const transform = factory(options, field, null);
    field = transform.output as FieldSpec;
    const length = numElements(field.shape);
    const buffer = field.dtype === "uint8" ? new Uint8Array(length) : new Float32Array(length);
    made.push({ transform, buffer, field });
  }
  return made;
}

/** Fisher and Yates's shuffle, by the random numbers of an epoch's order. */
function shuffled(seed: number, epoch: number, numSamples: number): Uint32Array {
  const order = new Uint32Array(numSamples);
  const random = new RandomStream("order", seed, epoch, 0);
  for (let place = 0; place < numSamples; place += 1) {
    const other = random.integerBelow(place + 1);
    order[place] = order[other]!;
    order[other] = place;
  }
  return order;
}
