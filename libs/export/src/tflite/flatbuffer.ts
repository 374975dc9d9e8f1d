import { Builder } from "flatbuffers";
import { tfliteTables } from "./schema/tflite-schema.ts";

type Tables = typeof tfliteTables;
export type TableName = keyof Tables;

/** What a field holds: a number, a text, another table, or a list of numbers or tables. A typed array is a list of numbers of its kind. */
export type FieldValue = number | boolean | string | Table | readonly Table[] | NumberList;
type NumberList = Int8Array | Uint8Array | Int32Array | BigInt64Array | Float32Array;

/** A table of the format, before it is written. */
export interface Table<T extends TableName = TableName> {
  readonly table: T;
  readonly fields: Readonly<Record<string, FieldValue>>;
}

/** @param fields those that are not what a table has anyway */
export function table<T extends TableName>(
  name: T,
  fields: { readonly [K in keyof Tables[T]]?: FieldValue },
): Table<T> {
  return { table: name, fields: fields as Readonly<Record<string, FieldValue>> };
}

/** The bytes of a table and all that it holds (https://flatbuffers.dev/internals). */
export function writeFlatbuffer(root: Table, identifier: string): Uint8Array {
  const builder = new Builder(1 << 16);
  builder.finish(writeTable(builder, root), identifier);
  return builder.asUint8Array();
}

type FieldRow = readonly [slot: number, kind: string, initial: number];

function writeTable(builder: Builder, { table: name, fields }: Table): number {
  const rows = tfliteTables[name] as Readonly<Record<string, FieldRow>>;
  // What a table refers to comes before it: the builder writes from the end.
  const written = Object.entries(fields).map(([field, value]) => {
    const row = rows[field]!;
    return { row, value: row[1] === "Offset" ? writeReferred(builder, value) : Number(value) };
  });
  builder.startObject(Math.max(-1, ...Object.values(rows).map(([slot]) => slot)) + 1);
  for (const { row, value } of written) addField(builder, row, value);
  return builder.endObject();
}

function addField(builder: Builder, [slot, kind, initial]: FieldRow, value: number): void {
  const add = fieldWriters[kind];
  if (add === undefined) throw new RangeError(`no field of ${kind} is written`);
  add(builder, slot, value, initial);
}

type FieldWriter = (builder: Builder, slot: number, value: number, initial: number) => void;

const byte: FieldWriter = (builder, slot, value, initial) => builder.addFieldInt8(slot, value, initial);
const word: FieldWriter = (builder, slot, value, initial) => builder.addFieldInt32(slot, value, initial);

/** By the kinds of the schema. Numbers without a sign have the same bits. */
const fieldWriters: Readonly<Record<string, FieldWriter>> = {
  Bool: byte,
  Int8: byte,
  Uint8: byte,
  Int32: word,
  Uint32: word,
  Float32: (builder, slot, value, initial) => builder.addFieldFloat32(slot, value, initial),
  Offset: (builder, slot, value) => builder.addFieldOffset(slot, value, 0),
};

function writeReferred(builder: Builder, value: FieldValue): number {
  if (typeof value === "string") return builder.createString(value);
  if (ArrayBuffer.isView(value)) return writeNumbers(builder, value);
  if (Array.isArray(value)) {
    const offsets = value.map((each: Table) => writeTable(builder, each));
    builder.startVector(4, offsets.length, 4);
    for (const offset of offsets.toReversed()) builder.addOffset(offset);
    return builder.endVector();
  }
  if (typeof value === "object" && "table" in value) return writeTable(builder, value);
  throw new RangeError(`${typeof value} is no text, table or list`);
}

function writeNumbers(builder: Builder, values: NumberList): number {
  const size = values.BYTES_PER_ELEMENT;
  builder.startVector(size, values.length, size);
  for (const value of values.toReversed()) {
    if (typeof value === "bigint") builder.addInt64(value);
    else if (values instanceof Float32Array) builder.addFloat32(value);
    else if (size === 4) builder.addInt32(value);
    else builder.addInt8(value);
  }
  return builder.endVector();
}
