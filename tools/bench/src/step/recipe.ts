import { adam, defineRecipe, type Recipe } from "@anneal/training";
import { z } from "zod";
import { models } from "./models/index.ts";
import type { Workload, WorkloadName } from "./workloads.ts";

export const learningRate = 0.001;
/** Of weights and data. */
export const seed = 1;

/** A workload as a person would write it for Anneal. The bench gives the engine its batches itself. */
export function workloadRecipe(workload: Workload & { readonly name: WorkloadName }): Recipe {
  return defineRecipe({
    name: workload.name,
    parameters: z.object({}),
    data: () => {
      throw new Error("the bench gives the engine its batches");
    },
    model: () => models[workload.name](workload),
    loss: "softmaxCrossEntropy",
    optimizer: () => adam({ learningRate }),
    training: () => ({ epochs: 1, batchSize: workload.batchSize }),
  });
}
