import type { Entry } from "@anneal/compiler";
import { type Accumulation, accumulateEntry, applyEntry, clearEntry } from "./accumulate.ts";
import { evaluateEntry, predictEntry } from "./evaluate.ts";
import { shadowEntry } from "./shadow.ts";
import type { TraceContext } from "./trace-step.ts";
import { trainEntry } from "./train.ts";

/** A call of the session but for those that load and read the state. */
export interface Call {
  readonly kind: CallKind;
  /** Of a batch, or a part of one; 0 where none is taken. */
  readonly numSamples: number;
  /** Steps that one call makes, each on a batch of its own: more than one only to train. */
  readonly numSteps: number;
}

type MakeEntry = (context: TraceContext, call: Call, accumulation: () => Accumulation) => Entry;

/** What each kind of call does. */
const makeEntry = {
  train: (context, { numSteps }) => trainEntry(context, numSteps),
  evaluate: evaluateEntry,
  predict: predictEntry,
  shadow: shadowEntry,
  accumulate: (context, _call, accumulation) => accumulateEntry(context, accumulation()),
  apply: (context, _call, accumulation) => applyEntry(context, accumulation()),
  clear: (context, _call, accumulation) => clearEntry(context, accumulation()),
} as const satisfies Readonly<Record<string, MakeEntry>>;
type CallKind = keyof typeof makeEntry;

export const callOf = {
  train: (numSamples: number, numSteps = 1): Call => ({ kind: "train", numSamples, numSteps }),
  evaluate: (numSamples: number): Call => ({ kind: "evaluate", numSamples, numSteps: 1 }),
  predict: (numSamples: number): Call => ({ kind: "predict", numSamples, numSteps: 1 }),
  shadow: (numSamples: number): Call => ({ kind: "shadow", numSamples, numSteps: 1 }),
  accumulate: (numSamples: number): Call => ({ kind: "accumulate", numSamples, numSteps: 1 }),
  apply: { kind: "apply", numSamples: 0, numSteps: 1 },
  clear: { kind: "clear", numSamples: 0, numSteps: 1 },
} as const;

/** @param accumulation asked for by the calls of a step in parts alone */
export function entryOf(
  context: Omit<TraceContext, "numSamples">,
  call: Call,
  accumulation: () => Accumulation,
): Entry {
  const make: MakeEntry = makeEntry[call.kind];
  return make({ ...context, numSamples: call.numSamples }, call, accumulation);
}

/** `train/128`; `train/128x8` for eight steps; `apply`. */
export function keyOf({ kind, numSamples, numSteps }: Call): string {
  const samples = numSamples === 0 ? "" : `/${numSamples}`;
  return `${kind}${samples}${numSteps === 1 ? "" : `x${numSteps}`}`;
}

/** Null for what is no such call. */
export function parseKey(key: string): Call | null {
  const [, kind, numSamples = "0", numSteps = "1"] = /^(\w+?)(?:\/(\d+)(?:x(\d+))?)?$/.exec(key) ?? [];
  if (kind === undefined || !Object.hasOwn(makeEntry, kind)) return null;
  return { kind: kind as CallKind, numSamples: Number(numSamples), numSteps: Number(numSteps) };
}
