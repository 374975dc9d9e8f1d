import { broadcastShapes, format, type OpCall, product } from "./row.ts";

const ellipsis = "...";

/** Shape of `Einsum`: `ab,bc->ac`, where an ellipsis stands for axes that are broadcast. */
export function einsumShape(call: OpCall): readonly number[] {
  const { sizes, broadcast } = readSizes(call);
  const equation = call.string("equation");
  return labelsOf(call, equation.split("->")[1]!).flatMap((label) =>
    label === ellipsis
      ? broadcast
      : [sizes.get(label) ?? call.fail(`has the equation ${equation}, with ${label} only in its result`)],
  );
}

/** Number of places of all axes together: each is one multiplication. */
export function einsumSize(call: OpCall): number {
  const { sizes, broadcast } = readSizes(call);
  return product([...sizes.values(), ...broadcast]);
}

/** Sizes of the named axes, and of those that an ellipsis stands for. */
function readSizes(call: OpCall) {
  const equation = call.string("equation");
  const [left, right, ...more] = equation.split("->");
  const terms = left!.split(",").map((term) => labelsOf(call, term));
  if (right === undefined || more.length > 0) call.fail(`has the equation ${equation}, without one "->"`);
  if (terms.length !== call.types.length) call.fail(`has ${call.types.length} inputs for the equation ${equation}`);
  const sizes = new Map<string, number>();
  let broadcast: readonly number[] = [];
  terms.forEach((labels, index) => {
    const { shape } = call.input(index);
    const numNamed = labels.filter((label) => label !== ellipsis).length;
    const numBroadcast = shape.length - numNamed;
    if (numBroadcast < 0 || (numBroadcast > 0 && numNamed === labels.length)) {
      call.fail(`has ${format(shape)} for the term ${labels.join("")} of ${equation}`);
    }
    let axis = 0;
    for (const label of labels) {
      if (label === ellipsis) {
        broadcast = broadcastShapes(call, broadcast, shape.slice(axis, axis + numBroadcast));
        axis += numBroadcast;
        continue;
      }
      const size = shape[axis++]!;
      const known = sizes.get(label);
      if (known !== undefined && known !== size)
        call.fail(`has sizes ${known} and ${size} for ${label} of ${equation}`);
      sizes.set(label, size);
    }
  });
  return { sizes, broadcast };
}

function labelsOf(call: OpCall, term: string): readonly string[] {
  const labels = term.match(/\.\.\.|[A-Za-z]/g) ?? [];
  const isValid = labels.join("") === term && labels.filter((label) => label === ellipsis).length <= 1;
  return isValid ? labels : call.fail(`has the term ${term}, which is no list of letters`);
}
