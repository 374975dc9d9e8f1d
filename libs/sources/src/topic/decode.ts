import type { TopicRecord } from "@anneal/kafka";
import { sourceFailed } from "../errors.ts";
import { type FieldSpec, fieldBytes, numElements, type SampleSpec, viewOf } from "../fields.ts";
import type { FieldValue, GeneratedSample } from "../generator/declaration.ts";
import type { TopicFormat } from "./declaration.ts";

/** What a record's sample is, unchecked, valid until the next one. Throws for a record that is none. */
export type Decode = (record: TopicRecord) => unknown;

/** What a module of the person's own exports. */
export type TopicDecoder<Options = unknown> = (record: TopicRecord, options: Options) => GeneratedSample;

/** Throws `SOURCE_FAILED` for a module that cannot be loaded or does not export such a function. */
export async function createDecoder(format: TopicFormat, inputs: SampleSpec, labels: FieldSpec): Promise<Decode> {
  switch (format.kind) {
    case "json":
      return decodeJson(format.inputs, format.label);
    case "raw":
      return decodeRaw(inputs as FieldSpec, labels);
    case "module":
      return loadDecoder(format);
  }
}

function decodeJson(inputs: readonly string[], label: string): Decode {
  const inputPaths = inputs.map((field) => field.split("."));
  const labelPath = label.split(".");
  const text = new TextDecoder("utf-8", { fatal: true });
  return ({ value }) => {
    const parsed: unknown = JSON.parse(text.decode(bytesOf(value)));
    const numbers: number[] = [];
    inputPaths.forEach((path, at) => {
      appendNumbers(numbers, fieldOf(parsed, path), inputs[at]!);
    });
    const labels: number[] = [];
    appendNumbers(labels, fieldOf(parsed, labelPath), label);
    return { input: numbers, label: labels };
  };
}

function fieldOf(value: unknown, path: readonly string[]): unknown {
  let found = value;
  for (const name of path) {
    found = typeof found === "object" && found !== null ? (found as Record<string, unknown>)[name] : undefined;
  }
  return found;
}

function appendNumbers(numbers: number[], value: unknown, name: string): void {
  if (typeof value === "number") numbers.push(value);
  else if (typeof value === "boolean") numbers.push(value ? 1 : 0);
  else if (Array.isArray(value)) for (const element of value) appendNumbers(numbers, element, name);
  else
    throw new Error(`its field ${name} is ${value === undefined ? "missing" : `no number: ${JSON.stringify(value)}`}`);
}

function decodeRaw(inputs: FieldSpec, labels: FieldSpec): Decode {
  const [inputBytes, labelBytes] = [fieldBytes(inputs), fieldBytes(labels)];
  // Used again for each record: numbers of four bytes must lie at a multiple of four, and a broker's answer has them anywhere.
  const [input, label] = [new Uint8Array(inputBytes), new Uint8Array(labelBytes)];
  const viewAs = (bytes: Uint8Array, { dtype, shape }: FieldSpec): FieldValue =>
    viewOf(bytes.buffer, dtype, 0, numElements(shape));
  const sample = { input: viewAs(input, inputs), label: viewAs(label, labels) };
  return ({ value }) => {
    const bytes = bytesOf(value);
    if (bytes.length !== inputBytes + labelBytes) {
      throw new Error(
        `it has ${bytes.length} bytes, not the ${inputBytes} of its input and the ${labelBytes} of its label`,
      );
    }
    input.set(bytes.subarray(0, inputBytes));
    label.set(bytes.subarray(inputBytes));
    return sample;
  };
}

async function loadDecoder({
  module,
  exportName,
  options,
}: Extract<TopicFormat, { readonly kind: "module" }>): Promise<Decode> {
  try {
    const loaded = (await import(/* @vite-ignore */ module)) as Record<string, unknown>;
    const decode = loaded[exportName];
    if (typeof decode !== "function") throw new Error(`the module exports no function "${exportName}"`);
    return (record) => (decode as TopicDecoder)(record, options);
  } catch (cause) {
    throw sourceFailed(module, exportName, null, cause);
  }
}

function bytesOf(value: Uint8Array | null): Uint8Array {
  if (value === null) throw new Error("it has no value: it deletes its key in a compacted topic");
  return value;
}
