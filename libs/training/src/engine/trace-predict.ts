import type { TracedFunction } from "@anneal/export";
import { makeGraph } from "@anneal/graph";
import type { SeededRandom, Tfjs } from "@anneal/runtime";
import type { RecipeStep } from "./recipe-step.ts";
import { predictEntry } from "./step-program/evaluate.ts";
import { stepStateOf } from "./step-program/state.ts";

/** What predicting does for so many samples: in float32, without any pass or lowering. Each call traces it anew. */
export function tracePredict(tf: Tfjs, step: RecipeStep, random: SeededRandom, numSamples: number): TracedFunction {
  const context = { tf, step, state: stepStateOf(step), random, traced: { step: null }, numSamples };
  const { feeds, fetches } = predictEntry(context);
  return { graph: makeGraph({ outputs: fetches[0]! }), inputs: [{ name: "inputs", value: feeds[0]! }] };
}

/** The name of a variable's handle in such a trace. */
export function handleOfVariable(name: string): string {
  return `state/${name}`;
}
