export { attributeTimings, summarizeParts } from "./explain/attribute-timings.ts";
export { drawStep } from "./explain/draw-step.ts";
export { explainMemory } from "./explain/explain-memory.ts";
export { type ProductPrecision, precisionOfProducts, summarizeKernels, timeShares } from "./ledger/kernels.ts";
export { measureMemory } from "./ledger/step-memory.ts";
export { type HalfFormat, pipelineOf } from "./lowerings/lowerings.ts";
export {
  type AliveTensor,
  type MemoryPrediction,
  type PredictMemoryOptions,
  predictMemory,
} from "./memory/predict-memory.ts";
export { predictProgram } from "./memory/predict-program.ts";
export type { Pass } from "./passes/pass.ts";
export { portablePasses } from "./passes/pipeline.ts";
export { type RunPassesOptions, runPasses } from "./passes/run-passes.ts";
export { type CostModel, cpuCosts, gpuCosts } from "./precision/kernel-costs.ts";
export { type CompiledProgram, compileProgram, type Entries, type Entry } from "./program.ts";
export { partOfScope } from "./recompute/build.ts";
export { type ScopeFunction, type Trace, type TracedVariable, type TraceRequest, trace } from "./trace/trace.ts";
