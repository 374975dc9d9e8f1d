import type { FieldSpec, Transform } from "@anneal/data";

/** A square of images [height, width, channels], cut out at random and mirrored every other time. Keeps the dtype. */
export default function cropAndFlip(options: { readonly size: number }, input: FieldSpec): Transform {
  const [height = 0, width = 0, channels = 0] = input.shape;
  const { size } = options;
  if (!(size <= height && size <= width))
    throw new RangeError(`images of ${height}x${width} have no square of ${size}`);
  const rowLength = size * channels;
  return {
    isRandom: true,
    output: { shape: [size, size, channels], dtype: input.dtype },
    apply(source, target, random) {
      const top = random.integerBelow(height - size + 1);
      const left = random.integerBelow(width - size + 1);
      const isMirrored = random.uniform() < 0.5;
      for (let y = 0; y < size; y += 1) {
        const from = ((top + y) * width + left) * channels;
        const row = source.subarray(from, from + rowLength);
        if (!isMirrored) {
          target.set(row, y * rowLength);
          continue;
        }
        for (let x = 0, at = (y + 1) * rowLength - channels; x < rowLength; at -= channels) {
          for (let channel = 0; channel < channels; channel += 1, x += 1) target[at + channel] = row[x]!;
        }
      }
    },
  };
}
