import { AnnealError, isOutOfMemory } from "@anneal/contracts";
import { sourceFailed } from "../errors.ts";
import { type Asked, readAsked } from "./asked.ts";
import type { GeneratorDeclaration } from "./declaration.ts";
import { placeInStream } from "./stream.ts";

export interface Patience {
  /** A sample may take so long before it is said that it is waited for. */
  readonly sampleTimeoutMs: number;
  /** Told once for each such wait what is waited for. */
  readonly onWaiting: ((what: string) => void) | undefined;
}

/** What a thread ends with that waits while nothing else is under way in it (Node.js, "Exit codes"). */
const unsettledAwait = 13;

/** Samples may be slow by nature (another machine, a queue), so that a wait is no failure. After so many times as long nothing will come. */
const givesUpAfter = 20;

/** Watches a generator that another thread reads, which may never come back from it. */
export class GeneratorWatch {
  readonly #generator: Pick<GeneratorDeclaration, "module" | "exportName">;
  readonly #asked: Asked;
  readonly #patience: Patience;
  /** Of the wait that was seen last. */
  #count = -1;
  #sinceMs = 0;
  #isTold = false;

  constructor(generator: Pick<GeneratorDeclaration, "module" | "exportName">, asked: Asked, patience: Patience) {
    this.#generator = generator;
    this.#asked = asked;
    this.#patience = patience;
  }

  /** How often to look, in ms. */
  static intervalOf({ sampleTimeoutMs }: Pick<Patience, "sampleTimeoutMs">): number {
    return Math.min(1_000, sampleTimeoutMs / 4);
  }

  /** Says what is waited for, if that takes long. Gives `SOURCE_FAILED` when it will not come. */
  look(): AnnealError | null {
    const asked = readAsked(this.#asked);
    if (asked === null || asked.count !== this.#count) {
      [this.#count, this.#sinceMs, this.#isTold] = [asked?.count ?? -1, performance.now(), false];
      return null;
    }
    const { sampleTimeoutMs, onWaiting } = this.#patience;
    const { module, exportName } = this.#generator;
    const place = placeInStream(this.#generator, asked.index, asked.epoch);
    const waitedMs = performance.now() - this.#sinceMs;
    if (waitedMs >= givesUpAfter * sampleTimeoutMs) {
      const seconds = (givesUpAfter * sampleTimeoutMs) / 1_000;
      return sourceFailed(module, exportName, place, new Error(`it has given nothing for ${seconds} s`));
    }
    if (waitedMs >= sampleTimeoutMs && !this.#isTold) {
      this.#isTold = true;
      onWaiting?.(
        `waiting for ${place}: the generator (${exportName}) has not given it for ${sampleTimeoutMs / 1_000} s`,
      );
    }
    return null;
  }

  /** `SOURCE_FAILED` for a thread that ended with this exit code: only the person's code ends it. */
  exited(exitCode: number): AnnealError {
    const why =
      exitCode === unsettledAwait
        ? "it waits for a promise that nothing is left to fulfil"
        : `it ended its thread (process.exit, code ${exitCode})`;
    return this.#failed(new Error(why));
  }

  /** `SOURCE_FAILED` for an error that nobody caught, in the person's code; `OUT_OF_MEMORY` where it was that. */
  threw(cause: unknown): AnnealError {
    const failure = this.#failed(cause);
    if (!isOutOfMemory(cause)) return failure;
    return new AnnealError("OUT_OF_MEMORY", failure.message, "Let the generator keep less at a time.", failure.facts);
  }

  #failed(cause: unknown): AnnealError {
    const { module, exportName } = this.#generator;
    const asked = readAsked(this.#asked);
    return sourceFailed(module, exportName, asked && placeInStream(this.#generator, asked.index, asked.epoch), cause);
  }

  /** Whether the thread is in the generator at the moment. */
  get isAsked(): boolean {
    return readAsked(this.#asked) !== null;
  }
}
