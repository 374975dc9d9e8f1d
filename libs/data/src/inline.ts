import { AnnealError } from "@anneal/contracts";
import { RandomStream, type TypedArray, viewOf } from "@anneal/sources";
import { type Chain, capacityOf } from "./chain.ts";
import type { Predicate, TransformReference } from "./transform.ts";

/** A transform that keeps shape and dtype: writes `target` from `source`. With a third parameter it is taken to be random. */
export type InlineTransform = (source: TypedArray, target: TypedArray, random: RandomStream) => unknown;

/** A function as a transform, by its text: a module of its own, so that any thread can import it. */
export function inlineTransform(apply: InlineTransform): TransformReference {
  return inlineModule(`const apply = ${textOf(apply)};
const write = (source, target, random) => void apply(source, target, random);
export default (_, input) => ({ output: input, isRandom: apply.length > 2, apply: write });`);
}

/** A function as a predicate, by its text. */
export function inlinePredicate(predicate: Predicate): TransformReference {
  return inlineModule(`const predicate = ${textOf(predicate)};
export default () => predicate;`);
}

function inlineModule(code: string): TransformReference {
  return { module: `data:text/javascript,${encodeURIComponent(code)}`, exportName: "default", options: null };
}

/** Throws `RECIPE_INVALID` for what has no text of its own: methods, bound and native functions, classes. */
function textOf(work: (...values: never[]) => unknown): string {
  const text = work.toString();
  const isExpression = /^(async\s+)?(function\b|\(|[A-Za-z_$][\w$]*\s*=>)/.test(text);
  if (isExpression && !/^async\b/.test(text) && !text.includes("[native code]")) return text;
  throw new AnnealError(
    "RECIPE_INVALID",
    "a function given to map() or filter() cannot be sent to the threads that prepare samples",
    "Give an arrow function that uses its arguments alone; or put it in a module and refer to that: transform(import.meta.resolve('./mine.ts')).",
    { text: text.slice(0, 200) },
  );
}

/**
 * Tries functions that were written in the recipe on a sample of zeros.
 *
 * @throws AnnealError RECIPE_INVALID for one that uses something of the recipe's, which it cannot reach
 */
export function requireReachable(chain: Chain, transforms: readonly TransformReference[]): void {
  transforms.forEach(({ module }, step) => {
    if (!isInline(module)) return;
    const field = chain.fields[step]!;
    const length = capacityOf(field);
    const input = viewOf(new ArrayBuffer(4 * length), field.dtype, 0, length);
    const random = new RandomStream("sample", 0, 0, 0);
    try {
      chain.run(input, { from: step, to: step + 1, random }, 0, () => "a sample of zeros");
    } catch (cause) {
      if (cause instanceof Error && cause.cause instanceof ReferenceError) throw unreachable(cause.cause);
    }
  });
}

function isInline(module: string): boolean {
  return module.startsWith("data:");
}

function unreachable(cause: ReferenceError): AnnealError {
  return new AnnealError(
    "RECIPE_INVALID",
    `a function given to map() or filter() uses what it cannot reach: ${cause.message}`,
    "A function is sent to threads by its text: use its arguments alone, or put it in a module: transform(import.meta.resolve('./mine.ts'), options).",
    { reason: cause.message },
    { cause },
  );
}
