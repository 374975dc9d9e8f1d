/**
 * `tf.train.Example`: a map from names to lists of bytes, floats or integers, in Protocol Buffers' encoding
 * (tensorflow/core/example/feature.proto; protobuf.dev/programming-guides/encoding). Read where it lies: nothing is copied.
 */

export type FeatureKind = "bytes" | "float" | "int64";

/** One feature: the values of its list are between `start` and `end` of the record. */
export interface Feature {
  readonly kind: FeatureKind;
  readonly start: number;
  readonly end: number;
}

const kindOfField: Readonly<Record<number, FeatureKind>> = { 1: "bytes", 2: "float", 3: "int64" };

/** The features of a record by name. Throws an Error for bytes that are no Example. */
export function parseExample(bytes: Uint8Array): Map<string, Feature> {
  const features = new Map<string, Feature>();
  for (const example of fieldsOf(bytes, 0, bytes.length)) {
    if (example.number !== 1) continue;
    for (const entry of fieldsOf(bytes, example.start, example.end)) {
      if (entry.number === 1) addFeature(features, bytes, entry);
    }
  }
  return features;
}

function addFeature(features: Map<string, Feature>, bytes: Uint8Array, entry: Field): void {
  let name = "";
  let feature: Feature | null = null;
  for (const field of fieldsOf(bytes, entry.start, entry.end)) {
    if (field.number === 1) name = Buffer.from(bytes.subarray(field.start, field.end)).toString("utf8");
    if (field.number !== 2) continue;
    for (const { number, start, end } of fieldsOf(bytes, field.start, field.end)) {
      const kind = kindOfField[number];
      if (kind !== undefined) feature = { kind, start, end };
    }
  }
  if (feature !== null) features.set(name, feature);
}

/** Where the elements of a list of bytes are. */
export function bytesOf(
  bytes: Uint8Array,
  { start, end }: Feature,
): { readonly start: number; readonly end: number }[] {
  return fieldsOf(bytes, start, end).filter(({ number }) => number === 1);
}

/** The elements of a list of floats. */
export function floatsOf(bytes: Uint8Array, { start, end }: Feature): number[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const floats: number[] = [];
  for (const field of fieldsOf(bytes, start, end)) {
    for (let at = field.start; at + 4 <= field.end; at += 4) floats.push(view.getFloat32(at, true));
  }
  return floats;
}

/** The elements of a list of integers, beyond 2^53 rounded. */
export function integersOf(bytes: Uint8Array, { start, end }: Feature): number[] {
  const integers: number[] = [];
  for (const field of fieldsOf(bytes, start, end)) {
    for (let at = field.start; at < field.end; ) {
      const { low, high, next } = varintAt(bytes, at, field.end);
      integers.push((high | 0) * 2 ** 32 + low);
      at = next;
    }
  }
  return integers;
}

/** A field of a message: where its content is, which of a number is its own encoding. */
interface Field {
  readonly number: number;
  readonly start: number;
  readonly end: number;
}

const wireTypes = { varint: 0, fixed64: 1, lengthDelimited: 2, fixed32: 5 } as const;

function fieldsOf(bytes: Uint8Array, from: number, to: number): Field[] {
  const fields: Field[] = [];
  for (let at = from; at < to; ) {
    const tag = varintAt(bytes, at, to);
    const { start, end } = contentAt(bytes, tag.low & 7, tag.next, to);
    if (end > to) throw new Error("a field ends beyond its message");
    fields.push({ number: tag.low >>> 3, start, end });
    at = end;
  }
  return fields;
}

function contentAt(bytes: Uint8Array, wireType: number, at: number, to: number): { start: number; end: number } {
  if (wireType === wireTypes.varint) return { start: at, end: varintAt(bytes, at, to).next };
  if (wireType === wireTypes.fixed64) return { start: at, end: at + 8 };
  if (wireType === wireTypes.fixed32) return { start: at, end: at + 4 };
  if (wireType !== wireTypes.lengthDelimited) throw new Error(`a field has the unknown encoding ${wireType}`);
  const { low, high, next } = varintAt(bytes, at, to);
  return { start: next, end: next + low + high * 2 ** 32 };
}

/** A number of at most 64 bits, seven in each byte, as two of 32. */
function varintAt(bytes: Uint8Array, from: number, to: number): { low: number; high: number; next: number } {
  let [low, high] = [0, 0];
  for (let i = 0; i < 10; i++) {
    if (from + i >= to) throw new Error("a number ends beyond its message");
    const byte = bytes[from + i]!;
    const bits = byte & 0x7f;
    if (i < 4) low |= bits << (7 * i);
    else if (i === 4) {
      low |= bits << 28;
      high = bits >>> 4;
    } else high |= bits << (7 * i - 32);
    if (byte < 0x80) return { low: low >>> 0, high: high >>> 0, next: from + i + 1 };
  }
  throw new Error("a number has more than 64 bits");
}
