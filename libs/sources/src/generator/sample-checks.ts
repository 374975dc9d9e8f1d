import { badRecord } from "../errors.ts";
import {
  dtypeOf,
  type FieldSpec,
  formatField,
  isRagged,
  numElements,
  type SampleSpec,
  type TypedArray,
  viewOf,
} from "../fields.ts";
import type { StreamSample } from "../stream.ts";
import type { FieldValue } from "./declaration.ts";

/** What the samples of a stream were declared as. */
interface DeclaredFields {
  readonly inputField: SampleSpec;
  readonly labelField: FieldSpec;
  readonly numClasses: number | null;
}

/** A sample as it was declared, or the failure that says what it is instead; `make` may throw. */
export function checkedSample(
  { inputField, labelField, numClasses }: DeclaredFields,
  index: number,
  make: () => unknown,
  place: () => string,
): StreamSample {
  try {
    const { input, label } = (make() ?? {}) as Record<string, unknown>;
    const checkedLabel = checkedField("label", label, labelField);
    if (numClasses !== null) requireClass(checkedLabel, numClasses);
    return { index, input: checkedField("input", input, inputField), label: checkedLabel, failure: null };
  } catch (cause) {
    return { index, input: zeros(inputField), label: zeros(labelField), failure: badRecord(place(), cause) };
  }
}

function zeros(spec: SampleSpec): TypedArray {
  const length = isRagged(spec) ? 0 : numElements(spec.shape);
  return viewOf(new ArrayBuffer(4 * length), spec.dtype, 0, length);
}

/** A field of a sample as an array of the declared format and length. Throws an Error that says what it is instead. */
function checkedField(name: string, value: unknown, spec: SampleSpec): TypedArray {
  if (!isFieldValue(value)) throw new Error(`its ${name} is ${describe(value)}, not ${formatField(spec)}`);
  const length = typeof value === "number" ? 1 : value.length;
  if (isRagged(spec)) {
    const perRow = numElements(spec.shape.slice(1) as readonly number[]);
    if (length > spec.capacity)
      throw new Error(`its ${name} has ${length} elements, more than its capacity ${spec.capacity}`);
    if (length % perRow !== 0)
      throw new Error(`its ${name} has ${length} elements, which do not fit ${formatField(spec)}`);
  } else if (length !== numElements(spec.shape)) {
    throw new Error(`its ${name} has ${length} elements, not those of ${formatField(spec)}`);
  }
  if (ArrayBuffer.isView(value)) {
    if (dtypeOf(value) !== spec.dtype) throw new Error(`its ${name} is ${describe(value)}, not ${formatField(spec)}`);
    return value;
  }
  const numbers = typeof value === "number" ? [value] : value;
  const array = viewOf(new ArrayBuffer(4 * length), spec.dtype, 0, length);
  numbers.forEach((number, i) => {
    array[i] = number;
    if (spec.dtype !== "float32" && array[i] !== number)
      throw new Error(`its ${name} has ${number}, which is no ${spec.dtype}`);
  });
  return array;
}

/** An int32 scalar within 0 .. numClasses - 1. Throws an Error for another. */
function requireClass(label: TypedArray, numClasses: number): void {
  for (const value of label) {
    if (value >= 0 && value < numClasses) continue;
    throw new Error(`its label is ${value}, but the classes are 0..${numClasses - 1}`);
  }
}

function isFieldValue(value: unknown): value is FieldValue {
  if (typeof value === "number") return true;
  if (Array.isArray(value)) return value.every((element) => typeof element === "number");
  return value instanceof Uint8Array || value instanceof Int32Array || value instanceof Float32Array;
}

function describe(value: unknown): string {
  if (ArrayBuffer.isView(value)) return `a ${value.constructor.name}`;
  return value === null ? "null" : Array.isArray(value) ? "an array of other things than numbers" : `a ${typeof value}`;
}
