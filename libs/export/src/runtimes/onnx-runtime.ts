import { fileURLToPath } from "node:url";
import { askProcess } from "./ask-process.ts";
import type { RunRequest, Runtime } from "./runtime.ts";

const name = "ONNX Runtime";
const install = "Install onnxruntime-node for this platform: pnpm install fetches it where there is one.";

/** `onnxruntime-node` in a process of its own. */
export const onnxRuntime: Runtime = {
  name,
  run: (request: RunRequest) => {
    const program = fileURLToPath(new URL("./onnx-process.ts", import.meta.url));
    return askProcess({ name, program, install, timeoutMs: null }, request);
  },
};

/** What a value of a model turned out to be. */
export interface FoundValue {
  readonly dtype: string;
  readonly dims: readonly number[];
}

export interface ShapesRequest {
  readonly path: string;
  /** Inputs, which are filled with zeros. */
  readonly inputs: readonly { readonly name: string; readonly dtype: string; readonly dims: readonly number[] }[];
}

/** Whoever inspects a file does not wait for longer. */
const shapesTimeoutMs = 60_000;

/** All outputs of a file, run once on zeros: their types, by name. */
export function findShapes(request: ShapesRequest): Promise<ReadonlyMap<string, FoundValue>> {
  const program = fileURLToPath(new URL("./onnx-shapes-process.ts", import.meta.url));
  return askProcess({ name, program, install, timeoutMs: shapesTimeoutMs }, request);
}
