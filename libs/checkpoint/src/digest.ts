import { createHash } from "node:crypto";
import type { LoopState } from "@anneal/contracts";
import { canonicalJson } from "./json.ts";
import { type EncodedSafetensors, encodeSafetensors } from "./safetensors.ts";
import type { NamedTensor } from "./tensors.ts";

/** Metadata of our tensor files. Constant: anything else in it would make the digest depend on more than the state. */
const fileMetadata = { format: "anneal" } as const;

/** `model.safetensors` and `optimizer.safetensors` of a checkpoint: a function of the tensors alone. */
export function encodeStateFile(tensors: readonly NamedTensor[]): EncodedSafetensors {
  return encodeSafetensors(tensors, fileMetadata);
}

export interface StateParts {
  /** sha256 (hex) of `model.safetensors`. */
  readonly modelSha256: string;
  /** sha256 (hex) of `optimizer.safetensors`. */
  readonly optimizerSha256: string;
  readonly state: LoopState;
}

/**
 * The digest by which runs are compared: sha256 (hex) of the UTF-8 text
 *
 *     {"format":"anneal-state","model":M,"optimizer":O,"state":S,"version":1}
 *
 * in canonical JSON (keys sorted, no white space). M and O are the sha256 of the two tensor files, which our encoder
 * makes a function of nothing but the tensors' names, dtypes, shapes and bytes; S is the manifest's `state`. Time,
 * attempt, place, run id and fingerprint are not in it. Where weights are stored in 16 bits, M covers them as rounded and O
 * their float32 masters: equal digests mean the same training state and the same model file, and a state that is stored in
 * two formats has two digests. The files are hashed while they are written, so the digest costs no second pass, and it can
 * be checked from a manifest alone.
 */
export function stateDigest({ modelSha256, optimizerSha256, state }: StateParts): string {
  const text = canonicalJson({
    format: "anneal-state",
    version: 1,
    model: modelSha256,
    optimizer: optimizerSha256,
    state,
  });
  return createHash("sha256").update(text).digest("hex");
}

/** The same digest for a state in memory, without writing it, as of weights that are stored in float32. */
export function stateDigestOf(parts: {
  readonly model: readonly NamedTensor[];
  readonly optimizer: readonly NamedTensor[];
  readonly state: LoopState;
}): string {
  return stateDigest({
    modelSha256: sha256Of(encodeStateFile(parts.model)),
    optimizerSha256: sha256Of(encodeStateFile(parts.optimizer)),
    state: parts.state,
  });
}

function sha256Of({ header, chunks }: EncodedSafetensors): string {
  const hash = createHash("sha256").update(header);
  for (const chunk of chunks) hash.update(chunk);
  return hash.digest("hex");
}
