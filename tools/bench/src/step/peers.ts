import type { ComputePrecision } from "@anneal/contracts";
import type { BenchScope } from "../harness/bench.ts";
import { pythonCommands } from "../subjects/python.ts";
import type { ProcessCommand } from "../subjects/talking-process.ts";

export interface PeerCommand {
  readonly name: string;
  readonly family: "Keras" | "PyTorch" | "hand-written graph" | "TensorFlow's mixed precision";
  readonly command: ProcessCommand;
  readonly variant: string;
  readonly precision: ComputePrecision;
  /** Whether most of its users have it so. */
  readonly isDefault: boolean;
}

/**
 * Each Python peer in both of its ways, and in bfloat16 a graph that is written by hand, alone and in float32 under TensorFlow's own
 * automatic mixed precision, in an environment that is made when it is first asked for.
 */
export async function peerCommands(scope: BenchScope, precision: ComputePrecision): Promise<readonly PeerCommand[]> {
  const command = await pythonCommands(scope);
  const [keras, torch] = [command("keras_subject.py"), command("torch_subject.py")];
  const graph = {
    name: "hand-written graph",
    family: "hand-written graph",
    variant: "graph",
    isDefault: false,
  } as const;
  const automatic = {
    name: "TensorFlow's mixed precision",
    family: "TensorFlow's mixed precision",
    variant: "automatic",
    isDefault: false,
  } as const;
  const ways = [
    { name: "Keras", family: "Keras", command: keras, variant: "graph", isDefault: true },
    { name: "Keras jit_compile", family: "Keras", command: keras, variant: "jit", isDefault: false },
    { name: "PyTorch", family: "PyTorch", command: torch, variant: "eager", isDefault: true },
    { name: "PyTorch torch.compile", family: "PyTorch", command: torch, variant: "compile", isDefault: false },
    ...(precision === "float32"
      ? []
      : [graph, automatic].map((way) => ({ ...way, command: command("graph_subject.py") }))),
  ] as const;
  return ways.map((way) => ({ ...way, precision }));
}
