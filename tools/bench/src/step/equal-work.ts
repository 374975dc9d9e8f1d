import type { ComputePrecision } from "@anneal/contracts";
import { formatNumber } from "../harness/render.ts";
import type { Ready } from "./protocol.ts";
import type { SubjectSpec } from "./subject-specs.ts";
import type { Workload } from "./workloads.ts";

/** Largest relative difference of first losses. Numbers of 16 bits are rounded in every layer, each in a way of its own. */
const ofPrecision: Readonly<Record<ComputePrecision, number>> = { float32: 0.001, bfloat16: 0.01, float16: 0.01 };
/** A stride of two pads an even image on one side here, on both in PyTorch. */
const ofWorkload: Readonly<Record<string, number>> = { resnet: 0.1 };

/** Fails when subjects have different models: their times would compare nothing. */
export function checkEqualWork(
  workload: Pick<Workload, "name">,
  subjects: readonly {
    readonly spec: Pick<SubjectSpec, "name" | "precision">;
    readonly ready: Pick<Ready, "numParameters">;
    readonly firstLoss: number;
  }[],
): void {
  const [reference] = subjects;
  if (reference === undefined) return;
  for (const { spec, ready, firstLoss } of subjects) {
    const sameSize = ready.numParameters === reference.ready.numParameters;
    const tolerance = Math.max(ofWorkload[workload.name] ?? 0, ofPrecision[spec.precision]);
    const sameLoss = Math.abs(firstLoss / reference.firstLoss - 1) <= tolerance;
    if (sameSize && sameLoss) continue;
    throw new Error(
      `the ${workload.name} of ${spec.name} has ${ready.numParameters} parameters and a first loss of ${formatNumber(firstLoss)}, that of ${reference.spec.name} ${reference.ready.numParameters} and ${formatNumber(reference.firstLoss)}`,
    );
  }
}
