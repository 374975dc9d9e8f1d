import { producerOf, sameShape, splatOf, typeOf, type Value } from "@anneal/graph";
import type { Pass } from "../pass.ts";
import { concatenate } from "../sequences.ts";
import { rewriteSums, sumOf, type Term } from "../sums.ts";

/**
 * `[a1, b1] + [a2, b2] + ... = [a1 + a2 + ..., b1 + b2 + ...]`: the gradient of weights that every timestep takes apart (a GRU's),
 * put together once and not at every step; its parts are sums of their own.
 */
export const summedConcatenations: Pass = {
  name: "summed-concatenations",
  run: (graph) =>
    rewriteSums(graph, (terms, { scope }) => {
      const concatenations = terms.flatMap((term) => partsOf(term) ?? []);
      const [first] = concatenations;
      const alike = concatenations.filter((other) => first !== undefined && isAlike(first, other));
      if (first === undefined || alike.length < 2) return null;
      const sums = first.parts.map((_, index) =>
        sumOf(
          alike.map(({ parts }) => parts[index]!),
          scope,
        ),
      );
      const used = new Set(alike.map(({ term }) => term));
      const others = terms.filter((term) => !used.has(term)).map(({ value }) => value);
      return [...others, concatenate(sums, first.axis, scope)];
    }),
};

interface Concatenation {
  readonly term: Term;
  readonly parts: readonly Value[];
  readonly axis: number;
}

function partsOf(term: Term): Concatenation | null {
  const node = term.isOnlyInSum ? producerOf(term.value, "ConcatV2") : null;
  const axis = node === null ? null : splatOf(node.inputs.at(-1)!);
  if (node === null || axis === null || node.controls.length > 0) return null;
  const rank = node.outputs[0]!.shape.length;
  return { term, parts: node.inputs.slice(0, -1), axis: axis < 0 ? axis + rank : axis };
}

function isAlike(a: Concatenation, b: Concatenation): boolean {
  return (
    a.axis === b.axis &&
    a.parts.length === b.parts.length &&
    a.parts.every((part, index) => sameShape(typeOf(part).shape, typeOf(b.parts[index]!).shape))
  );
}
