import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { decodeRun, type NodeRun } from "./runMetadata.ts";
import type { TensorflowBackend } from "./tensorflow.ts";

/** Values that a session takes: memory that stays as it is until the call returns. Aligned to 64 bytes it is not copied. */
export type FeedValues = Float32Array | Int32Array | Uint8Array;

export interface Feed {
  /** A placeholder's output, such as `x:0`. */
  readonly name: string;
  readonly dtype: "float32" | "int32" | "uint8";
  readonly shape: readonly number[];
}

/**
 * What is called: fixed feeds and fetches, float32 or int32. Each distinct one keeps an executor, with its memory, as long as the
 * session lives: make few.
 */
export interface Signature {
  readonly feeds: readonly Feed[];
  /** Values to return, such as `loss:0`; at least one. */
  readonly fetches: readonly string[];
}

export type SessionOutputs = readonly (Float32Array | Int32Array)[];
export type SessionFunction = (feeds: readonly FeedValues[]) => SessionOutputs;

/** A call that was recorded: what it returned, the same bits as without, and what ran. */
export interface TracedCall {
  readonly outputs: SessionOutputs;
  readonly nodes: readonly NodeRun[];
}

/**
 * A graph in a TensorFlow session of its own, with the variables in it. Everything is synchronous and runs on the calling
 * thread: never on one that has to answer meanwhile.
 */
export class GraphSession {
  readonly #backend: TensorflowBackend;
  readonly #id: number;

  /**
   * @param savedModel bytes of a `saved_model.pb` with the tag `serve`
   * @throws Error when TensorFlow refuses the graph
   */
  constructor(backend: TensorflowBackend, savedModel: Uint8Array) {
    this.#backend = backend;
    // The addon loads from a directory alone; TensorFlow has read it when it returns.
    const directory = mkdtempSync(join(tmpdir(), "anneal-graph-"));
    try {
      writeFileSync(join(directory, "saved_model.pb"), savedModel);
      this.#id = backend.binding.loadSavedModel(directory, "serve,");
    } finally {
      rmSync(directory, { recursive: true, force: true });
    }
  }

  /** The call of a signature. Feeds in the signature's order; what returns are copies. */
  bind(signature: Signature): SessionFunction {
    const call = this.#bind(signature, false);
    return (values) => call(values).outputs;
  }

  /**
   * The same, and what ran, how long and in which memory. Recording costs time: compare nodes with each other, not sums with
   * untraced calls. It is the same executor: the session keeps no second one for it.
   */
  bindTraced(signature: Signature): (feeds: readonly FeedValues[]) => TracedCall {
    const call = this.#bind(signature, true);
    return (values) => {
      const { outputs, runMetadata } = call(values);
      return { outputs, nodes: decodeRun(new Uint8Array(runMetadata ?? new ArrayBuffer(0))) };
    };
  }

  #bind({ feeds, fetches }: Signature, traced: boolean) {
    const { binding } = this.#backend;
    const dtypeNumbers = { float32: binding.TF_FLOAT, int32: binding.TF_INT32, uint8: binding.TF_UINT8 };
    // The addon splits at commas and wants one at the end.
    const feedNames = feeds.map(({ name }) => `${name},`).join("");
    const fetchNames = fetches.map((name) => `${name},`).join("");
    return (values: readonly FeedValues[]) => {
      const ids: number[] = [];
      try {
        for (const [index, { dtype, shape }] of feeds.entries()) {
          ids.push(binding.createTensor(shape, dtypeNumbers[dtype], values[index]!));
        }
        const results = binding.runSavedModel(this.#id, ids, feedNames, fetchNames, traced);
        const outputs = results.map(({ id }) => {
          try {
            return binding.tensorDataSync(id) as Float32Array | Int32Array;
          } finally {
            binding.deleteTensor(id);
          }
        });
        return { outputs, runMetadata: results.runMetadata };
      } finally {
        for (const id of ids) binding.deleteTensor(id);
      }
    };
  }

  dispose(): void {
    this.#backend.binding.deleteSavedModel(this.#id);
  }
}
