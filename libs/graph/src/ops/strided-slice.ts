import { attributeOr, format, type OpCall } from "./row.ts";

/**
 * Shape of `StridedSlice` (`ValidateStridedSliceOp` of TensorFlow's `util/strided_slice_op.cc`).
 *
 * Input 0 is sliced by a list of places: inputs 1 to 3 give the begin, end and stride of each, and five masks say by their bits
 * what a place means. An ellipsis stands for all axes that no other place takes, a new axis takes none; of every other place,
 * begin and end can be left open, and `shrink` takes one index and drops the axis.
 */
export function stridedSliceShape(call: OpCall): readonly number[] {
  const { shape } = call.input(0);
  const [begins, ends, strides] = [1, 2, 3].map((index) => call.constantInts(index)) as [number[], number[], number[]];
  const numPlaces = strides.length;
  if (begins.length !== numPlaces || ends.length !== numPlaces) call.fail("needs as many begins and ends as strides");
  const hasBit = (mask: string) => {
    const bits = attributeOr(call, mask, "int", 0);
    return (place: number) => ((bits >> place) & 1) === 1;
  };
  const isEllipsis = hasBit("ellipsis_mask");
  const isNewAxis = hasBit("new_axis_mask");
  const shrinks = hasBit("shrink_axis_mask");
  const [beginIsOpen, endIsOpen] = [hasBit("begin_mask"), hasBit("end_mask")];

  const result: number[] = [];
  let axis = 0;
  let seenEllipsis = false;
  for (let place = 0; place < numPlaces; place++) {
    if (isEllipsis(place)) {
      if (seenEllipsis) call.fail("has two ellipses");
      seenEllipsis = true;
      const later = Array.from({ length: numPlaces - place - 1 }, (_, index) => place + 1 + index);
      const next = shape.length - later.filter((other) => !isNewAxis(other)).length;
      result.push(...shape.slice(axis, next));
      axis = Math.max(axis, next);
      continue;
    }
    if (isNewAxis(place)) {
      result.push(1);
      continue;
    }
    const size = shape[axis++];
    if (size === undefined) return call.fail(`slices more axes than ${format(shape)} has`);
    const [begin, end, stride] = [begins[place]!, ends[place]!, strides[place]!];
    if (stride === 0) call.fail("has a stride of 0");
    if (shrinks(place)) {
      const index = begin < 0 ? begin + size : begin;
      if (index < 0 || index >= size) call.fail(`takes the index ${begin} of ${size}`);
      if (stride < 0) call.fail("has a negative stride for a single index");
      continue;
    }
    result.push(numSteps(size, beginIsOpen(place) ? null : begin, endIsOpen(place) ? null : end, stride));
  }
  return [...result, ...shape.slice(axis)];
}

/** How many values a range takes from an axis; an open bound is null. */
function numSteps(size: number, begin: number | null, end: number | null, stride: number): number {
  // Going backwards the first index may be size - 1 and the end lies before index 0.
  const [low, high] = stride > 0 ? [0, size] : [-1, size - 1];
  const clamp = (bound: number) => Math.min(Math.max(bound < 0 ? bound + size : bound, low), high);
  const first = begin === null ? (stride > 0 ? low : high) : clamp(begin);
  const last = end === null ? (stride > 0 ? high : low) : clamp(end);
  return Math.max(0, Math.ceil((last - first) / stride));
}
