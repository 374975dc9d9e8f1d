import type { EngineName } from "@anneal/contracts";
import type { Tfjs } from "@anneal/runtime";
import { EagerEngine } from "./eager-engine.ts";
import type { StepEngine } from "./step-engine.ts";

/** Engines by the name that a run's spec has, each over a TensorFlow.js whose backend is loaded. */
export const createEngine: Readonly<Record<EngineName, (tf: Tfjs) => StepEngine>> = {
  eager: (tf) => new EagerEngine(tf),
};
