import type { Json } from "@anneal/contracts";
import { generatorEnded, sourceFailed } from "../errors.ts";
import type { FieldSpec, SampleSpec } from "../fields.ts";
import type { SampleStream, StreamSample, StreamStart } from "../stream.ts";
import { type Asked, tellAnswered, tellAsked } from "./asked.ts";
import type { Epoch, SampleGenerator } from "./declaration.ts";
import { checkedSample } from "./sample-checks.ts";

/** A generator as threads read it. */
export interface GeneratorHandles {
  readonly kind: "stream";
  readonly origin: "generator";
  /** Where the samples come from, for people. */
  readonly place: string;
  readonly module: string;
  readonly exportName: string;
  readonly options: Json;
  readonly numSamples: number;
  readonly inputField: SampleSpec;
  readonly labelField: FieldSpec;
  readonly numClasses: number | null;
  readonly canSeek: boolean;
}

/**
 * The samples `start` .. numSamples - 1 of an epoch, in order. Those before `start` are thrown away here where the generator cannot
 * leave them out. A generator that gives more is ended. Throws `SOURCE_FAILED` for what it throws, `DATASET_CORRUPT` if it ends early.
 *
 * @param asked where others see what it is asked for
 */
export async function* createStream(
  handles: GeneratorHandles,
  { epoch, start, seed }: Epoch,
  asked: Asked | null = null,
): AsyncGenerator<StreamSample> {
  const { numSamples, canSeek } = handles;
  if (start >= numSamples) return;
  let index = canSeek ? start : 0;
  for await (const sample of samplesOf(handles, { epoch, start: index, seed }, asked)) {
    const place = index;
    if (index >= start)
      yield checkedSample(
        handles,
        index,
        () => sample,
        () => placeInStream(handles, place, epoch),
      );
    index += 1;
    // The loop's end closes the generator.
    if (index === numSamples) return;
  }
  throw generatorEnded(handles, `samples of epoch ${epoch}`, numSamples, index);
}

/** What the generator gives, unchecked; what it throws is `SOURCE_FAILED`. */
export async function* samplesOf(
  handles: Pick<GeneratorHandles, "module" | "exportName" | "options">,
  epoch: Epoch,
  asked: Asked | null,
): AsyncGenerator<unknown> {
  const { module, exportName, options } = handles;
  let index = epoch.start;
  tellAsked(asked, epoch.epoch, index);
  const generate = await loadGenerator(module, exportName);
  try {
    for await (const sample of generate(options, epoch)) {
      tellAnswered(asked);
      yield sample;
      index += 1;
      tellAsked(asked, epoch.epoch, index);
    }
  } catch (cause) {
    throw sourceFailed(module, exportName, placeInStream(handles, index, epoch.epoch), cause);
  } finally {
    tellAnswered(asked);
  }
}

/** Throws `SOURCE_FAILED` for a module that cannot be loaded or does not export such a function. */
export async function loadGenerator(module: string, exportName: string): Promise<SampleGenerator> {
  try {
    const loaded = (await import(/* @vite-ignore */ module)) as Record<string, unknown>;
    const generate = loaded[exportName];
    if (typeof generate !== "function") throw new Error(`the module exports no function "${exportName}"`);
    return generate as SampleGenerator;
  } catch (cause) {
    throw sourceFailed(module, exportName, null, cause);
  }
}

export function placeInStream({ module }: Pick<GeneratorHandles, "module">, index: number, epoch: number): string {
  return `${module}, sample ${index} of epoch ${epoch}`;
}

/** The samples of an epoch of a generator, from one on: each is waited for. */
export class GeneratorStream implements SampleStream {
  readonly ends = new Map<number, number>();
  readonly #samples: AsyncGenerator<StreamSample>;
  #next: StreamSample | null = null;

  constructor(handles: GeneratorHandles, { asked = null, ...epoch }: StreamStart) {
    this.#samples = createStream(handles, epoch, asked);
  }

  take(): StreamSample | null {
    const next = this.#next;
    this.#next = null;
    return next;
  }

  async fill(): Promise<boolean> {
    const { value, done } = await this.#samples.next();
    this.#next = done ? null : value;
    return !done;
  }

  async close(): Promise<void> {
    await this.#samples.return(undefined);
  }
}
