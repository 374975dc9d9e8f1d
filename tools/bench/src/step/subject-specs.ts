import { fileURLToPath } from "node:url";
import type { ComputePrecision } from "@anneal/contracts";
import { tensorflowEnvironment } from "@anneal/runtime";
import { machineThreads } from "../subjects/mnist.ts";
import type { ProcessCommand } from "../subjects/talking-process.ts";
import type { PeerCommand } from "./peers.ts";

/** Who takes steps. Of a family with several variants the best counts. */
export interface SubjectSpec {
  readonly name: string;
  readonly family:
    | "Anneal"
    | "Anneal float32"
    | "Anneal eager"
    | "tfjs-node model.fit"
    | "Keras"
    | "PyTorch"
    | "hand-written graph"
    | "TensorFlow's mixed precision";
  readonly command: ProcessCommand;
  readonly variant: string;
  readonly precision: ComputePrecision;
  /** Null: whatever it takes. Only Anneal knows budgets. */
  readonly budgetBytes: number | null;
  /** Whether the others are measured without it where it cannot run. */
  readonly isOptional: boolean;
}

/** Anneal's compiled engine. */
function annealSpec(precision: ComputePrecision): SubjectSpec {
  return { ...own, name: "Anneal", family: "Anneal", command: anneal, variant: "compiled", precision };
}

/** tfjs-node's own way to train; it has float32 alone. */
function modelFitSpec(): SubjectSpec {
  const name = "tfjs-node model.fit";
  return {
    ...own,
    name,
    family: name,
    command: node(new URL("./tfjs-main.ts", import.meta.url)),
    variant: "model.fit",
  };
}

/**
 * All who take steps in a precision, and for bfloat16 those who do not have it or are to be beaten by it. Anneal first: the
 * first subject writes the initial weights that the peers read.
 */
export function stepSpecs(precision: ComputePrecision, peers: readonly PeerCommand[]): readonly SubjectSpec[] {
  const reference: SubjectSpec =
    precision === "float32"
      ? { ...own, name: "Anneal eager", family: "Anneal eager", command: anneal, variant: "eager" }
      : { ...annealSpec("float32"), name: "Anneal float32", family: "Anneal float32" };
  return [annealSpec(precision), reference, modelFitSpec(), ...peers.map(peerSpec)];
}

/** Whose memory is compared, in float32 and, but for tfjs-node, bfloat16. Anneal in float32 first. */
export function memorySpecs(peers: readonly PeerCommand[]): readonly SubjectSpec[] {
  return [annealSpec("float32"), annealSpec("bfloat16"), modelFitSpec(), ...peers.map(peerSpec)];
}

/** Anneal within budgets, which may be too small for a model. The first is without one. */
export function budgetSpecs(budgets: readonly { readonly name: string; readonly budgetBytes: number }[]) {
  const plain = annealSpec("float32");
  return [plain, ...budgets.map((budget): SubjectSpec => ({ ...plain, ...budget, isOptional: true }))];
}

function peerSpec(peer: PeerCommand): SubjectSpec {
  return { ...peer, budgetBytes: null, isOptional: true };
}

const { intraOp, interOp } = machineThreads;
const environment = tensorflowEnvironment({ numIntraOpThreads: intraOp, numInterOpThreads: interOp });
const own = { precision: "float32", budgetBytes: null, isOptional: false } as const;
const anneal = node(new URL("./anneal-main.ts", import.meta.url));

function node(main: URL): ProcessCommand {
  const env = { ...process.env, ...environment };
  return { file: process.execPath, args: ["--disable-warning=ExperimentalWarning", fileURLToPath(main)], env };
}
