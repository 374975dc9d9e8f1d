import { pathToFileURL } from "node:url";
import type { Tfjs } from "@anneal/runtime";
import type { TensorContainer } from "@tensorflow/tfjs";
import type { DataOrder, TableOrder } from "../protocol.ts";
import { type Batches, numAhead } from "./batches.ts";

/** Rows that are shuffled at a time: the data set is read from its file in every epoch. */
const numShuffled = 10_000;
/** `tf.data.csv`: rows as objects of numbers and strings, made into one array each. */
export function tableBatches(tf: Tfjs, order: DataOrder, data: TableOrder): Batches {
  const { numbers, categories, label } = data;
  const codes = categories.map(({ name, values }) => ({
    name,
    codes: new Map(values.map((value, code) => [value, code])),
  }));
  const toSample = (row: TensorContainer): TensorContainer => {
    const { xs, ys } = row as unknown as {
      readonly xs: Record<string, number | string>;
      readonly ys: Record<string, number>;
    };
    const features = [
      ...numbers.map(({ name, mean, std }) => ((xs[name] as number) - mean) / std),
      ...codes.map(({ name, codes: ofName }) => ofName.get(xs[name] as string) ?? -1),
    ];
    return { xs: features, ys: ys[label]! };
  };
  return tf.data
    .csv(pathToFileURL(data.path).href, { columnConfigs: { [label]: { isLabel: true } } })
    .map(toSample)
    .shuffle(numShuffled)
    .batch(order.batchSize)
    .prefetch(numAhead);
}
