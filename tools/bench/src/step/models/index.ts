import type { LayersModel } from "@tensorflow/tfjs";
import type { Workload, WorkloadName } from "../workloads.ts";
import { cnn } from "./cnn.ts";
import { lstm } from "./lstm.ts";
import { mlp } from "./mlp.ts";
import { resnet } from "./resnet.ts";
import { transformer } from "./transformer.ts";

/**
 * Builds a workload's model with its initial weights: outputs are logits. Layers are named, and the Python peers have
 * layers and weights of the same names.
 */
export type BuildModel = (workload: Workload) => LayersModel;

export const models: Readonly<Record<WorkloadName, BuildModel>> = { mlp, cnn, resnet, transformer, lstm };
