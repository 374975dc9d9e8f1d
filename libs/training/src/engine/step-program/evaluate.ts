import type { Entry } from "@anneal/compiler";
import type { Tensor } from "@tensorflow/tfjs";
import { evaluate } from "../recipe-step.ts";
import { batchFeeds, type TraceContext, traceStep } from "./trace-step.ts";

/** Feeds: inputs, labels, the step. Fetches sums of loss and metrics, float32 `[1 + metrics]`. */
export function evaluateEntry(context: TraceContext): Entry {
  const feeds = batchFeeds(context, `evaluate${context.numSamples}`);
  const { outputs } = traceStep(context, feeds, (step, inputs, labels) => ({
    report: evaluate(context.tf, step, inputs, labels).report,
  }));
  return { feeds: feeds.values, fetches: [outputs.report!] };
}

/** Feeds: inputs. Fetches the outputs. */
export function predictEntry(context: TraceContext): Entry {
  const feeds = batchFeeds(context, `predict${context.numSamples}`);
  const { outputs } = traceStep(context, feeds, (step, inputs) => ({
    outputs: step.model.apply(inputs, { training: false }) as Tensor,
  }));
  return { feeds: [feeds.inputs], fetches: [outputs.outputs!] };
}
