import type { AnnealError } from "@anneal/contracts";
import { badRecord } from "../errors.ts";
import { type SharedStrings, stringAt } from "../shared-strings.ts";
import type { SampleReader } from "../source.ts";
import { decodeImage, type ImageSpec } from "./decode-image.ts";

/** Image files, each with its class: decoded by the thread that reads them. */
export interface ImageFileHandles {
  readonly kind: "imageFiles";
  readonly paths: SharedStrings;
  /** int32 scalars. */
  readonly labels: Int32Array;
  readonly spec: ImageSpec;
}

export function imageFileReader({ paths, labels, spec }: ImageFileHandles): SampleReader {
  const images = new ImageBuffers(spec);
  let loaded = new Uint32Array();
  return {
    load: (indices) => {
      loaded = indices.slice();
      return images.decode(loaded.length, async (k) => {
        const path = stringAt(paths, loaded[k]!);
        return { source: path, place: path };
      });
    },
    input: (k) => images.pixels(k),
    readLabel: (k, target, offset) => {
      target[offset] = labels[loaded[k]!]!;
    },
    failureOf: (k) => images.failureOf(k),
    placeOf: (index) => stringAt(paths, index),
  };
}

/** The decoded images of a reader: memory for as many as were ever loaded at once. */
class ImageBuffers {
  readonly #spec: ImageSpec;
  readonly #buffers: Uint8Array[] = [];
  #failures: (AnnealError | null)[] = [];

  constructor(spec: ImageSpec) {
    this.#spec = spec;
  }

  /** Decodes `count` images, several at once. Those that cannot be are black. */
  async decode(
    count: number,
    find: (k: number) => Promise<{ readonly source: string | Uint8Array; readonly place: string }>,
  ): Promise<void> {
    const { height, width, channels } = this.#spec;
    this.#failures = new Array<AnnealError | null>(count).fill(null);
    while (this.#buffers.length < count) this.#buffers.push(new Uint8Array(height * width * channels));
    const decodeOne = async (k: number) => {
      const target = this.#buffers[k]!;
      const { source, place } = await find(k);
      try {
        await decodeImage(source, this.#spec, target);
      } catch (cause) {
        target.fill(0);
        this.#failures[k] = badRecord(place, cause);
      }
    };
    await Promise.all(Array.from({ length: count }, (_, k) => decodeOne(k)));
  }

  pixels(k: number): Uint8Array {
    return this.#buffers[k]!;
  }

  failureOf(k: number): AnnealError | null {
    return this.#failures[k] ?? null;
  }
}
