import { createHash } from "node:crypto";
import { closeSync, openSync, writeSync } from "node:fs";
import type { OutputDifference } from "@anneal/contracts";
import type { Exporter, WritableModel, WriteRequest } from "../formats/exporter.ts";
import { type RunResult, type Samples, sliceSamples } from "../runtimes/runtime.ts";
import { compareOutputs } from "./agreement.ts";

/** Samples of a call. */
const batchSize = 64;
/** Calls of one sample whose time is taken. */
const numTimed = 200;

/** Samples, and what the model itself makes of them. */
export interface KnownSamples extends Samples {
  readonly outputs: Float32Array;
}

export interface ProofOptions {
  readonly exporter: Exporter;
  readonly path: string;
  readonly samples: KnownSamples;
  readonly areClasses: boolean;
}

/** A file, and what its runtime made of the samples. */
export interface Proof {
  readonly request: WriteRequest;
  readonly path: string;
  readonly prepared: WritableModel;
  readonly written: { readonly numBytes: number; readonly sha256: string };
  readonly run: RunResult;
  readonly outputs: Float32Array;
  readonly difference: OutputDifference;
}

/** Writes a file and runs it. */
export async function proveFile(request: WriteRequest, options: ProofOptions): Promise<Proof> {
  const { exporter, path, samples, areClasses } = options;
  const prepared = exporter.prepare(request);
  const written = writeTo(path, prepared.write);
  const fixed = request.model.fixedBatch?.numSamples ?? null;
  const { numSamples, type, values } = samples;
  const run = await exporter.runtime.run({
    path,
    samples: { numSamples, type, values },
    batchSize: fixed ?? batchSize,
    outputs: prepared.outputs.filter((name) => name !== null),
    numTimed: fixed === null || fixed === 1 ? numTimed : 0,
  });
  const [outputs] = run.outputs as [Float32Array];
  const difference = compareOutputs(samples.outputs, outputs, { numSamples, areClasses });
  return { request, path, prepared, written, run, outputs, difference };
}

/** The first so many samples. */
export function firstSamples(samples: KnownSamples, most: number): KnownSamples {
  const numSamples = Math.min(most, samples.numSamples);
  const size = samples.outputs.length / samples.numSamples;
  return { ...sliceSamples(samples, 0, numSamples), outputs: samples.outputs.subarray(0, numSamples * size) };
}

export function writeTo(path: string, write: (sink: (bytes: Uint8Array) => void) => void) {
  const hash = createHash("sha256");
  let numBytes = 0;
  const file = openSync(path, "w");
  try {
    write((bytes) => {
      hash.update(bytes);
      numBytes += bytes.length;
      for (let at = 0; at < bytes.length; ) at += writeSync(file, bytes, at);
    });
  } finally {
    closeSync(file);
  }
  return { numBytes, sha256: hash.digest("hex") };
}
