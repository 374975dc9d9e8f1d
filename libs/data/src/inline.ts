import { AnnealError, type ErrorRecord, fromRecord } from "@anneal/contracts";
import { RandomStream, type TypedArray, viewOf } from "@anneal/sources";
import { Piscina } from "piscina";
import { type Chain, type ChainHandles, capacityOf } from "./chain.ts";
import type { ReachThreadData } from "./reach-thread.ts";
import type { Predicate, TransformReference } from "./transform.ts";
import { untilHung } from "./until-hung.ts";

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
 * Tries functions that were written in the recipe on a sample of zeros, in a thread of their own: what they may do to it, such as never
 * to end, does no harm here.
 *
 * @throws AnnealError RECIPE_INVALID for one that uses something of the recipe's, which it cannot reach; TRANSFORM_HUNG, TRANSFORM_FAILED
 *   for one that ends the thread
 */
export async function requireReachable(chain: ChainHandles, timeoutMs: number): Promise<void> {
  if (!chain.transforms.some(({ module }) => isInline(module))) return;
  const working = new Int32Array(new SharedArrayBuffer(4));
  const workerData: ReachThreadData = { chain, working };
  const pool = new Piscina<null, ErrorRecord | null>({
    filename: new URL("./reach-thread.ts", import.meta.url).href,
    minThreads: 1,
    maxThreads: 1,
    workerData,
  });
  const sample = { index: 0, place: () => "a sample of zeros by a function given to map()" };
  try {
    const failure = await untilHung(pool.run(null), {
      doing: "tries the functions given to map() on a sample of zeros",
      atWork: () => (Atomics.load(working, 0) === 1 ? [sample] : []),
      timeoutMs,
    });
    if (failure !== null) throw fromRecord(failure);
  } finally {
    await pool.destroy();
  }
}

/** What `requireReachable` does in its thread. */
export function tryFunctions(chain: Chain, transforms: readonly TransformReference[]): void {
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
