import { join } from "node:path";
import type { DifferenceBound, LayerLoss, Metrics } from "@anneal/contracts";
import type { Exporter, WriteRequest } from "../formats/exporter.ts";
import { isWithin } from "./agreement.ts";
import { keepLayers } from "./keep-layers.ts";
import { firstSamples, type KnownSamples, type Proof, proveFile } from "./prove-file.ts";

/** Samples that the loss of each layer by itself is measured with. */
const numOfLosses = 128;

interface LayerChoice {
  readonly request: WriteRequest;
  readonly exporter: Exporter;
  readonly samples: KnownSamples & { readonly judge: (outputs: Float32Array) => Metrics };
  readonly areClasses: boolean;
  readonly bound: DifferenceBound;
  /** Points of accuracy that may be lost; null for any. */
  readonly maxDrop: number | null;
  /** Of the model itself. */
  readonly accuracy: number | undefined;
  /** A folder for files. */
  readonly staging: string;
}

export interface JudgedProof extends Proof {
  readonly metrics: Metrics;
  /** Points of accuracy that are lost; null where none is measured. */
  readonly drop: number | null;
}

export interface ChosenLayers {
  readonly proof: JudgedProof;
  /** What each layer loses by itself; null where nothing had to be kept in float32. */
  readonly layers: readonly LayerLoss[] | null;
}

/**
 * The file with all layers in the precision that was asked for; or, if it loses more accuracy than it may or differs too much, and a bound for the loss was
 * given, with those in float32 that lose the most. Whether it holds in the end is for the caller to see.
 */
export async function chooseLayers(choice: LayerChoice): Promise<ChosenLayers> {
  const { request, exporter, samples, areClasses, bound, maxDrop, accuracy, staging } = choice;
  const prove = async (kept: ReadonlySet<string>): Promise<JudgedProof> => {
    const path = join(staging, `model${exporter.extension}`);
    const proof = await proveFile({ ...request, kept }, { exporter, path, samples, areClasses });
    const metrics = samples.judge(proof.outputs);
    return { ...proof, metrics, drop: accuracy === undefined ? null : 100 * (accuracy - metrics.accuracy!) };
  };
  const holds = ({ difference, drop }: JudgedProof) => isWithin(difference, bound) && !losesTooMuch(drop, maxDrop);
  const proof = await prove(new Set());
  const { quantized = [] } = proof.prepared;
  if (maxDrop === null || holds(proof) || quantized.length === 0) return { proof, layers: null };
  const few = firstSamples(samples, numOfLosses);
  const lossOf = async (layer: string): Promise<number> => {
    const kept = new Set(quantized.filter((other) => other !== layer));
    const path = join(staging, `layer${exporter.extension}`);
    const alone = await proveFile({ ...request, kept }, { exporter, path, samples: few, areClasses });
    return alone.difference.rootMeanSquare;
  };
  return keepLayers({ layers: quantized, lossOf, prove, holds });
}

export function losesTooMuch(drop: number | null, maxDrop: number | null): boolean {
  // Written so that what is no number is too much.
  return drop !== null && maxDrop !== null && !(drop <= maxDrop);
}
