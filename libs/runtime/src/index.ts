export { type Cpu, readCpu } from "./cpu.ts";
export { type TensorflowEnvironmentOptions, tensorflowEnvironment } from "./environment.ts";
export { type FingerprintOptions, fingerprint, fingerprintDifferences } from "./fingerprint.ts";
export { freeUnusedMemory } from "./freeUnusedMemory.ts";
export {
  type Feed,
  type FeedValues,
  GraphSession,
  type SessionFunction,
  type SessionOutputs,
  type Signature,
  type TracedCall,
} from "./graphSession.ts";
export { grantedMemory, type ProcessMemory, readMemory, readOomKills, readProcessMemory } from "./memoryLimits.ts";
export {
  cacheDirectory,
  type Device,
  readTensorflowPointer,
  requestedDevice,
  type TensorflowPointer,
  tensorflowPointerPath,
} from "./paths.ts";
export { peakRssBytes, type ResidentMemory, residentMemory } from "./peakMemory.ts";
export { recipeResolutionArguments, registerRecipeResolution } from "./resolveHook.ts";
export type { Allocation, NodeRun, NodeTiming, RunOutput } from "./runMetadata.ts";
export { installSeededRandom, type SeededRandom, type SeededRandomOptions, stepKey } from "./seededRandom.ts";
export {
  createSharedTensor,
  type SharedDtype,
  type SharedTensorOptions,
  tensorAlignmentBytes,
} from "./sharedTensor.ts";
export {
  type LoadedTensorflow,
  type LoadOptions,
  loadTensorflow,
  type OpAttribute,
  type TensorflowBackend,
  type TensorflowBinding,
  type TensorMetadata,
  type Tfjs,
} from "./tensorflow.ts";
