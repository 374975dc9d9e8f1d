import type { AnnealError } from "@anneal/contracts";
import { badRecord } from "../errors.ts";
import { type FieldSpec, numElements } from "../fields.ts";
import { RangeReader, type Ranges } from "../ranges/range-source.ts";
import { type Block, BlockReader } from "../records/block.ts";
import { type Places, placeOfSample } from "../records/places.ts";
import { type SharedStrings, stringAt } from "../shared-strings.ts";
import type { SampleReader } from "../source.ts";
import { type ImageSpec, imageDecoder } from "./decode-image.ts";

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
      const pathOf = (k: number) => stringAt(paths, loaded[k]!);
      return images.decode(loaded.length, (k) => ({ source: pathOf(k), place: () => pathOf(k) }));
    },
    input: (k) => images.pixels(k),
    readLabel: (k, target, offset) => {
      target[offset] = labels[loaded[k]!]!;
    },
    failureOf: (k) => images.failureOf(k),
    placeOf: (index) => stringAt(paths, index),
  };
}

/** Images that are in files together with others, each with its label. */
export interface ImageRangeHandles {
  readonly kind: "imageRanges";
  readonly ranges: Ranges;
  readonly labels: Block;
  readonly labelField: FieldSpec;
  readonly spec: ImageSpec;
  readonly places: Places;
}

export function imageRangeReader({ ranges, labels, labelField, spec, places }: ImageRangeHandles): SampleReader {
  const images = new ImageBuffers(spec);
  const reader = new RangeReader(ranges);
  const labelReader = new BlockReader(labels, numElements(labelField.shape));
  return {
    load: (indices) => {
      const loaded = indices.slice();
      reader.load(loaded);
      labelReader.load(loaded);
      return images.decode(loaded.length, (k) => ({
        source: bufferOver(reader.bytes(k)),
        place: () => placeOfSample(places, loaded[k]!),
      }));
    },
    input: (k) => images.pixels(k),
    readLabel: (k, target, offset) => target.set(labelReader.view(k), offset),
    failureOf: (k) => images.failureOf(k),
    placeOf: (index) => placeOfSample(places, index),
  };
}

function bufferOver({ buffer, byteOffset, byteLength }: Uint8Array): Buffer {
  return Buffer.from(buffer, byteOffset, byteLength);
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
    find: (k: number) => { readonly source: string | Buffer; readonly place: () => string },
  ): Promise<void> {
    const { height, width, channels } = this.#spec;
    this.#failures = new Array<AnnealError | null>(count).fill(null);
    while (this.#buffers.length < count) this.#buffers.push(new Uint8Array(height * width * channels));
    // Not within what makes a record bad: it fails where the installation is damaged.
    const decodeImage = await imageDecoder();
    const decodeOne = async (k: number) => {
      const target = this.#buffers[k]!;
      const { source, place } = find(k);
      try {
        await decodeImage(source, this.#spec, target);
      } catch (cause) {
        target.fill(0);
        this.#failures[k] = badRecord(place(), cause);
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
