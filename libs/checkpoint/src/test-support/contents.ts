import { type ManifestDraft, policySchema, type WeightStorage } from "@anneal/contracts";
import { seededRandom } from "@anneal/testing";
import type { CheckpointContents } from "../commit.ts";
import type { NamedTensor } from "../tensors.ts";

export interface ContentsOptions {
  readonly step: number;
  /** Two states of the same step differ when this does. */
  readonly lineage?: number;
  readonly value?: number | null;
  readonly direction?: "minimize" | "maximize";
  readonly numParameters?: number;
  readonly weightStorage?: WeightStorage;
}

/** A small but complete state: a dense layer with Adam's slots, all functions of step and lineage. */
export function makeContents({
  step,
  lineage = 0,
  value = null,
  direction = "maximize",
  numParameters = 600,
  weightStorage = "float32",
}: ContentsOptions): CheckpointContents {
  const random = seededRandom(step * 1_000 + lineage);
  const tensor = (name: string, size: number): NamedTensor => ({
    name,
    dtype: "F32",
    shape: [size],
    data: Float32Array.from({ length: size }, () => random.next() - 0.5),
  });
  return {
    draft: makeDraft(step, { metric: "validation/accuracy", direction, value }, weightStorage),
    model: [tensor("dense/kernel", numParameters), tensor("dense/bias", 7)],
    optimizer: ["kernel/m", "kernel/v", "bias/m", "bias/v"].map((slot) =>
      tensor(`dense/${slot}`, slot.startsWith("kernel") ? numParameters : 7),
    ),
  };
}

function makeDraft(step: number, monitor: ManifestDraft["monitor"], weightStorage: WeightStorage): ManifestDraft {
  return {
    runId: "a-run",
    seed: 42,
    recipe: { name: "mnist", digest: "d".repeat(64) },
    parameters: { learningRate: 0.001 },
    policy: policySchema.parse({ weightStorage }),
    optimizerName: "adam",
    fingerprint: { tensorflow: "2.21.0", intraOp: 2 },
    exact: true,
    lockfileDigest: "e".repeat(64),
    monitor,
    state: {
      step,
      epoch: Math.floor(step / 10),
      cursor: { item: step },
      accumulator: { numSamples: step * 128, sums: { loss: step / 3 } },
      history: [{ epoch: 1, step: 10, train: { loss: 0.1 + 0.2 }, validation: null }],
      best: null,
      numEpochsWithoutImprovement: 0,
      stoppedEarly: false,
      optimizer: { step },
    },
  };
}
