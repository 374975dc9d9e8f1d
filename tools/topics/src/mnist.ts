import { mnist, openDataset } from "@anneal/data";
import { createReader } from "@anneal/sources";
import type { TopicWriter } from "./topic-writer.ts";

const perWrite = 1_000;

/** Writes the training images of MNIST as raw records: 784 bytes, then the label as four, little-endian. */
export async function writeMnist(writer: TopicWriter): Promise<void> {
  const { parts, numSamples } = await openDataset(mnist({ split: "train" }));
  const reader = createReader(parts[0]!.source);
  const label = new Int32Array(1);
  for (let start = 0; start < numSamples; start += perWrite) {
    const indices = Uint32Array.from({ length: Math.min(perWrite, numSamples - start) }, (_, k) => start + k);
    await reader.load(indices);
    const records = Array.from(indices, (_, k) => {
      reader.readLabel(k, label, 0);
      const value = new Uint8Array(784 + 4);
      value.set(reader.input(k));
      new DataView(value.buffer).setInt32(784, label[0]!, true);
      return { value };
    });
    await writer.write(records);
  }
}
