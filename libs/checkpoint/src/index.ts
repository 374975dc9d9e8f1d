export type { CheckpointContents, CommittedCheckpoint } from "./commit.ts";
export { type StateParts, stateDigest, stateDigestOf } from "./digest.ts";
export { type CheckpointFaultPoint, checkpointFaultPoints, faultPoint, interceptFaultPoints } from "./faults.ts";
export { writeFileAtomic } from "./files.ts";
export { canonicalJson } from "./json.ts";
export { readLedger, writeLedger } from "./ledger-file.ts";
export {
  annealHome,
  type ComparePaths,
  comparePaths,
  type RunPaths,
  runPaths,
  runPathsAt,
  runsDirectory,
} from "./paths.ts";
export { type CheckpointEntry, type LoadedCheckpoint, modelBytesOf } from "./read.ts";
export { type RetentionPolicy, type RetentionResult, selectKept } from "./retention.ts";
export { listRunRecords, type RunRecord, readRunRecord, writeRunRecord } from "./run-record.ts";
export {
  type DecodedSafetensors,
  decodeSafetensors,
  type EncodedSafetensors,
  encodeSafetensors,
} from "./safetensors.ts";
export { type CheckpointStore, openCheckpointStore } from "./store.ts";
export { type NamedTensor, type TensorData, type TensorDtype, tensorDtypes } from "./tensors.ts";
