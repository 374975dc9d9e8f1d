import type { FieldSpec } from "../fields.ts";
import { numElements } from "../fields.ts";
import type { SampleReader } from "../source.ts";
import { type Block, BlockReader } from "./block.ts";
import { type Places, placeOfSample } from "./places.ts";

/** Samples of one length: inputs and labels each one after another, in memory or in files. */
export interface RecordHandles {
  readonly kind: "records";
  readonly inputs: Block;
  readonly labels: Block;
  readonly inputField: FieldSpec;
  readonly labelField: FieldSpec;
  readonly places: Places;
}

export function recordReader({ inputs, labels, inputField, labelField, places }: RecordHandles): SampleReader {
  const inputReader = new BlockReader(inputs, numElements(inputField.shape));
  const labelReader = new BlockReader(labels, numElements(labelField.shape));
  return {
    load: (indices) => {
      inputReader.load(indices);
      labelReader.load(indices);
    },
    input: (k) => inputReader.view(k),
    readLabel: (k, target, offset) => labelReader.copy(k, target, offset),
    failureOf: () => null,
    placeOf: (index) => placeOfSample(places, index),
  };
}
