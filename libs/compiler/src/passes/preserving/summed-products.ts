import {
  attribute,
  isSet,
  makeValue,
  type Node,
  producerOf,
  simpleCall,
  transpose,
  typeOf,
  type Value,
} from "@anneal/graph";
import type { Pass } from "../pass.ts";
import { concatenateRows } from "../sequences.ts";
import { rewriteSums, type Term } from "../sums.ts";

/**
 * `A1' B1 + A2' B2 + ... = [A1; A2; ...]' [B1; B2; ...]`: the gradient of weights that are used at every timestep, as one product
 * over the whole sequence in place of a small one, and a sum as large as the weights, for each step. The same for the gradient of
 * a bias.
 */
export const summedProducts: Pass = {
  name: "summed-products",
  run: (graph) => rewriteSums(graph, (terms, sum) => combineBiases(combineProducts(terms, sum) ?? terms, terms, sum)),
};

/** Fewer are as fast one by one: putting rows together copies them. */
const minTerms = 4;

interface Product {
  readonly a: Value;
  readonly b: Value;
  readonly place: number;
}

function combineProducts(terms: readonly Term[], { scope }: Node): readonly Term[] | null {
  const products = new Map<Term, Product>();
  for (const term of terms) {
    const product = term.isOnlyInSum ? producerOf(term.value, "MatMul") : null;
    if (product === null || !isSet(product, "transpose_a") || isSet(product, "transpose_b")) continue;
    const [a, b] = product.inputs as [Value, Value];
    products.set(term, { a, b, place: term.position(b.node) });
  }
  if (products.size < minTerms) return null;
  const ordered = inTime([...products.values()]);
  const a = concatenateRows(
    ordered.map((product) => product.a),
    scope,
  );
  const b = concatenateRows(
    ordered.map((product) => product.b),
    scope,
  );
  const attributes = {
    T: attribute.type(typeOf(a).dtype),
    transpose_a: attribute.bool(true),
    transpose_b: attribute.bool(false),
  };
  // With the larger of the two result's axes first, oneDNN is up to twice as fast; turning the result is nothing beside that.
  const isWide = typeOf(b).shape[1]! > typeOf(a).shape[1]!;
  const product = makeValue("MatMul", isWide ? [b, a] : [a, b], attributes, { scope });
  const value = isWide ? transpose(product, [1, 0], { scope }) : product;
  return [...terms.filter((term) => !products.has(term)), { ...terms[0]!, value }];
}

function combineBiases(terms: readonly Term[], before: readonly Term[], { scope }: Node): readonly Value[] | null {
  const sums = new Map<Term, { readonly b: Value; readonly place: number }>();
  for (const term of terms) {
    const sum = term.isOnlyInSum ? producerOf(term.value, "BiasAddGrad") : null;
    const b = sum?.inputs[0];
    if (b === undefined || sum?.attributes.data_format !== undefined || typeOf(b).shape.length !== 2) continue;
    sums.set(term, { b, place: term.position(b.node) });
  }
  const values = terms.map(({ value }) => value);
  if (sums.size < minTerms) return terms === before ? null : values;
  const rows = concatenateRows(
    inTime([...sums.values()]).map(({ b }) => b),
    scope,
  );
  const others = terms.filter((term) => !sums.has(term)).map(({ value }) => value);
  return [...others, simpleCall("BiasAddGrad", [rows], { scope })];
}

/**
 * Gradients are computed backwards: the last is that of the first timestep. All sums over the same gradients come to the same order,
 * so that they are put together once, and rows of a sequence are the sequence itself.
 */
function inTime<T extends { readonly place: number }>(items: readonly T[]): readonly T[] {
  return items.toSorted((first, second) => second.place - first.place);
}
