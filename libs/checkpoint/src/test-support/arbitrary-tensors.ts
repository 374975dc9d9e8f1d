import fc from "fast-check";
import { type NamedTensor, type TensorDtype, tensorByteLength, tensorDtypes } from "../tensors.ts";

const dtypes = Object.keys(tensorDtypes) as TensorDtype[];

/** Any tensor of up to 3 dimensions: all dtypes, zero sizes, scalars, strange names, arbitrary bits. */
export const arbitraryTensor: fc.Arbitrary<NamedTensor> = fc
  .record({
    name: fc.oneof(fc.string({ unit: "binary" }), fc.constantFrom("__proto__", "constructor", "1", "a/kernel")),
    dtype: fc.constantFrom(...dtypes),
    shape: fc.array(fc.nat({ max: 4 }), { maxLength: 3 }),
  })
  .filter(({ name }) => name !== "__metadata__")
  .chain(({ name, dtype, shape }) => {
    const numBytes = tensorByteLength(dtype, shape) ?? 0;
    return fc.uint8Array({ minLength: numBytes, maxLength: numBytes }).map((bytes) => {
      const { numBytes: width, view } = tensorDtypes[dtype];
      return { name, dtype, shape, data: view(bytes.slice().buffer, 0, numBytes / width) };
    });
  });

export const arbitraryTensors = fc.uniqueArray(arbitraryTensor, { maxLength: 6, selector: ({ name }) => name });

/** A tensor in a form that `toEqual` compares by its bits. */
export function bitsOf({ name, dtype, shape, data }: NamedTensor): object {
  const bytes = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
  return { name, dtype, shape, bytes: bytes.toString("hex") };
}

export function byName(tensors: readonly NamedTensor[]): readonly object[] {
  return [...tensors].sort((a, b) => (a.name < b.name ? -1 : 1)).map(bitsOf);
}
