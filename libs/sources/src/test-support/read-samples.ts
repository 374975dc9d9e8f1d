import { numElements, viewOf } from "../fields.ts";
import { createReader, type OpenSource, type SourceHandles } from "../open-source.ts";
import type { Sample } from "./subject.ts";

/** Where reading goes on, and over what. */
export type Readable = Pick<OpenSource, "label"> & { readonly handles: SourceHandles };

/** The samples with these indices, read `perLoad` at a time. */
export async function readSamples(source: Readable, indices: readonly number[], perLoad = 3): Promise<Sample[]> {
  const reader = createReader(source.handles);
  const samples: Sample[] = [];
  const label = viewOf(
    new ArrayBuffer(4 * numElements(source.label.shape)),
    source.label.dtype,
    0,
    numElements(source.label.shape),
  );
  for (let at = 0; at < indices.length; at += perLoad) {
    const some = Uint32Array.from(indices.slice(at, at + perLoad));
    await reader.load(some);
    for (let k = 0; k < some.length; k += 1) {
      const failure = reader.failureOf(k);
      if (failure !== null) throw failure;
      reader.readLabel(k, label, 0);
      samples.push({ input: [...reader.input(k)], label: [...label] });
    }
  }
  return samples;
}
