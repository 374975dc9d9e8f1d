import { constant, numbersOf, producerOf, reshape, splatOf, typeOf, type Value } from "@anneal/graph";
import type { Pass } from "../pass.ts";
import { concatenate, pack } from "../sequences.ts";
import { rewriteSums, type Term } from "../sums.ts";

/**
 * The gradient of a slice is padded to the size of what was sliced, and a sum over many slices adds up as many tensors of that size.
 * Slices that do not overlap lie side by side: one `Pack` of timesteps, or one concatenation, copies each once.
 */
export const summedPads: Pass = {
  name: "summed-pads",
  run: (graph) =>
    rewriteSums(graph, (terms, { scope, outputs }) => {
      const pads = terms.flatMap((term) => padOf(term) ?? []);
      const [first] = pads;
      if (first === undefined) return null;
      const sides = sideBySide(pads.filter(({ axis }) => axis === first.axis));
      const { shape } = outputs[0]!;
      const covered = sides.reduce((sum, { size }) => sum + size, 0);
      // With much that is left over, zeros would be most of the copy.
      if (sides.length < 2 || covered < shape[first.axis]! / 2) return null;
      const used = new Set(sides.map(({ term }) => term));
      const others = terms.filter((term) => !used.has(term)).map(({ value }) => value);
      return [...others, putTogether(sides, shape, scope)];
    }),
};

/** A value that takes the places from `begin` on along an axis; all others are zero. */
interface Padded {
  readonly term: Term;
  readonly value: Value;
  readonly axis: number;
  readonly begin: number;
  readonly size: number;
}

function padOf(term: Term): Padded | null {
  const node = term.isOnlyInSum ? producerOf(term.value, "Pad", "PadV2") : null;
  const paddings = node === null ? null : numbersOf(node.inputs[1]!);
  if (node === null || paddings === null || node.controls.length > 0) return null;
  if (node.op === "PadV2" && splatOf(node.inputs[2]!) !== 0) return null;
  const [value] = node.inputs as [Value, ...Value[]];
  const { shape, dtype } = typeOf(value);
  const padded = shape.flatMap((_, axis) => (paddings[2 * axis] !== 0 || paddings[2 * axis + 1] !== 0 ? [axis] : []));
  const [axis] = padded;
  if (axis === undefined || padded.length !== 1 || dtype !== "float32") return null;
  return { term, value, axis, begin: paddings[2 * axis]!, size: shape[axis]! };
}

/** In order, those that do not overlap one before. */
function sideBySide(pads: readonly Padded[]): readonly Padded[] {
  let end = 0;
  return pads
    .toSorted((a, b) => a.begin - b.begin)
    .filter(({ begin, size }) => {
      if (begin < end) return false;
      end = begin + size;
      return true;
    });
}

function putTogether(sides: readonly Padded[], shape: readonly number[], scope: string): Value {
  const axis = sides[0]!.axis;
  const pieces: Value[] = [];
  let end = 0;
  const fillTo = (begin: number) => {
    if (begin > end) pieces.push(zeros(shape.with(axis, begin - end)));
  };
  for (const { value, begin, size } of sides) {
    fillTo(begin);
    pieces.push(value);
    end = begin + size;
  }
  fillTo(shape[axis]!);
  if (pieces.length !== shape[axis]!) return concatenate(pieces, axis, scope);
  const steps = pieces.map((piece) => reshape(piece, shape.toSpliced(axis, 1), { scope }));
  return pack(steps, axis, scope);
}

function zeros(shape: readonly number[]): Value {
  return constant({ dtype: "float32", shape, data: Float32Array.of(0) });
}
