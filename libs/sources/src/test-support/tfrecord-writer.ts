import { maskedCrc32c } from "../tfrecord/record-file.ts";

/** A TFRecord file of some records. */
export function tfrecordBytes(records: readonly Uint8Array[]): Buffer {
  return Buffer.concat(
    records.flatMap((record) => {
      const length = Buffer.alloc(8);
      length.writeBigUInt64LE(BigInt(record.length));
      return [length, checksum(length), record, checksum(record)];
    }),
  );
}

function checksum(bytes: Uint8Array): Buffer {
  const field = Buffer.alloc(4);
  field.writeUInt32LE(maskedCrc32c(bytes));
  return field;
}

/** The values of a feature: bytes, floats, or integers as bigints. */
type Values = readonly Uint8Array[] | readonly number[] | readonly bigint[];

/** A `tf.train.Example`; `packed` lists put their numbers into one field, others each into its own. */
export function exampleBytes(features: Readonly<Record<string, Values>>, packed = true): Buffer {
  const entries = Object.entries(features).map(([name, values]) =>
    field(1, Buffer.concat([field(1, Buffer.from(name)), field(2, featureBytes(values, packed))])),
  );
  return field(1, Buffer.concat(entries));
}

function featureBytes(values: Values, packed: boolean): Buffer {
  if (values[0] instanceof Uint8Array) {
    return field(1, Buffer.concat((values as readonly Uint8Array[]).map((value) => field(1, value))));
  }
  if (typeof values[0] === "bigint") {
    const numbers = (values as readonly bigint[]).map(varint);
    const each = numbers.map((number) => Buffer.concat([Buffer.of((1 << 3) | 0), number]));
    return field(3, packed ? field(1, Buffer.concat(numbers)) : Buffer.concat(each));
  }
  const numbers = (values as readonly number[]).map((value) => Buffer.from(Float32Array.of(value).buffer));
  const each = numbers.map((number) => Buffer.concat([Buffer.of((1 << 3) | 5), number]));
  return field(2, packed ? field(1, Buffer.concat(numbers)) : Buffer.concat(each));
}

/** A field of some bytes: number and encoding 2, length, bytes. */
function field(number: number, content: Uint8Array): Buffer {
  return Buffer.concat([Buffer.of((number << 3) | 2), varint(BigInt(content.length)), content]);
}

function varint(value: bigint): Buffer {
  const bytes: number[] = [];
  let rest = BigInt.asUintN(64, value);
  for (; rest > 0x7fn; rest >>= 7n) bytes.push(Number(rest & 0x7fn) | 0x80);
  return Buffer.of(...bytes, Number(rest));
}
