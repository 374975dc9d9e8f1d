import { fileURLToPath } from "node:url";
import { tensorflowEnvironment } from "@anneal/runtime";
import type { BenchScope } from "../harness/bench.ts";
import { machineThreads } from "../subjects/mnist.ts";
import { pythonCommands } from "../subjects/python.ts";
import type { ProcessCommand } from "../subjects/talking-process.ts";
import type { DataWorkload } from "./workloads.ts";

/** Who makes batches. Of a family with several variants the fastest counts. */
export interface DataSubjectSpec {
  readonly name: string;
  readonly family: "Anneal" | "tfjs-data" | "tf.data" | "PyTorch DataLoader";
  readonly command: ProcessCommand;
  readonly variant: string;
  /** Whether the others are measured without it where it cannot run. */
  readonly isOptional: boolean;
}

/** All subjects of a workload, ours first. */
export async function dataSpecs(scope: BenchScope, { name }: DataWorkload): Promise<readonly DataSubjectSpec[]> {
  // What it converts, it converts in this run, and leaves nothing behind.
  const TMPDIR = scope.temporaryDirectory();
  const anneal: DataSubjectSpec = {
    name: "Anneal",
    family: "Anneal",
    command: node(new URL("./anneal/anneal-main.ts", import.meta.url), { TMPDIR }),
    variant: "feed",
    isOptional: false,
  };
  const tfjs: DataSubjectSpec = {
    name: "tfjs-data",
    family: "tfjs-data",
    command: node(new URL("./tfjs/tfjs-main.ts", import.meta.url), tensorflowThreads),
    variant: "dataset",
    isOptional: false,
  };
  return scope.settings.peers ? [anneal, tfjs, ...(await pythonSpecs(scope, name))] : [anneal, tfjs];
}

async function pythonSpecs(scope: BenchScope, workload: DataWorkload["name"]): Promise<readonly DataSubjectSpec[]> {
  const command = await pythonCommands(scope);
  const torch = { family: "PyTorch DataLoader", command: command("data_torch.py"), isOptional: true } as const;
  return [
    {
      name: "tf.data",
      family: "tf.data",
      command: command("data_tensorflow.py"),
      variant: "dataset",
      isOptional: true,
    },
    { ...torch, name: "PyTorch DataLoader", variant: "samples" },
    // A batch of rows at once: not what most write, and faster.
    ...(workload === "csv" ? [{ ...torch, name: "PyTorch DataLoader, whole batches", variant: "batches" }] : []),
  ];
}

const { intraOp, interOp } = machineThreads;
const tensorflowThreads = tensorflowEnvironment({ numIntraOpThreads: intraOp, numInterOpThreads: interOp });

function node(main: URL, extra: Readonly<Record<string, string>>): ProcessCommand {
  return {
    file: process.execPath,
    args: ["--disable-warning=ExperimentalWarning", fileURLToPath(main)],
    env: { ...process.env, ...extra },
  };
}
