import type { EngineName } from "@anneal/contracts";
import type { Tfjs } from "@anneal/runtime";
import { CompiledEngine } from "./compiled-engine.ts";
import { EagerEngine } from "./eager-engine.ts";
import type { StepEngine } from "./step-engine.ts";

/** Engines by the name that a run's spec has, each over a TensorFlow.js whose backend is loaded. */
export const createEngine: Readonly<Record<EngineName, (tf: Tfjs) => StepEngine>> = {
  compiled: (tf) => new CompiledEngine(tf),
  eager: (tf) => new EagerEngine(tf),
};
