import type { InferenceSession, Tensor } from "onnxruntime-node";
import type { RuntimeAnswer } from "./ask-process.ts";
import { percentiles, type RunRequest, type RunResult, type Samples, sliceSamples } from "./runtime.ts";

/** Runs one file with `onnxruntime-node` and answers over the IPC channel; see `onnx-runtime.ts`. */

type Runtime = typeof import("onnxruntime-node");
/** Not counted: the first calls allocate. */
const numWarmUps = 5;

process.on("message", (request: RunRequest) => void answer(request));
process.on("disconnect", () => process.exit());

async function answer(request: RunRequest): Promise<void> {
  let runtime: Runtime;
  try {
    // The package is CommonJS: its exports are those of its default.
    runtime = (await import("onnxruntime-node")).default as unknown as Runtime;
  } catch (cause) {
    send({ kind: "missing", why: messageOf(cause) });
    return;
  }
  try {
    send({ kind: "result", result: await run(runtime, request) });
  } catch (cause) {
    send({ kind: "refused", why: messageOf(cause) });
  }
}

async function run(runtime: Runtime, { path, samples, batchSize, outputs, numTimed }: RunRequest): Promise<RunResult> {
  const start = performance.now();
  const session = await runtime.InferenceSession.create(path, { logSeverityLevel: 3 });
  const loadMs = performance.now() - start;
  const call = (part: Samples) => session.run({ [session.inputNames[0]!]: tensorOf(runtime, part) }, [...outputs]);
  const results: Float32Array[][] = outputs.map(() => []);
  for (let from = 0; from < samples.numSamples; from += batchSize) {
    const found = await call(sliceSamples(samples, from, Math.min(from + batchSize, samples.numSamples)));
    outputs.forEach((name, index) => {
      results[index]!.push(floatsOf(found[name]!));
    });
  }
  const times = await timed(samples, numTimed, call);
  return {
    version: runtime.env.versions.node ?? runtime.env.versions.common,
    outputs: results.map(concatenated),
    times: { loadMs, ...percentiles(times) },
  };
}

/** One sample after another. */
async function timed(
  samples: Samples,
  numTimed: number,
  call: (part: Samples) => Promise<InferenceSession.OnnxValueMapType>,
): Promise<readonly number[]> {
  const times: number[] = [];
  for (let index = 0; index < (numTimed === 0 ? 0 : numTimed + numWarmUps); index++) {
    const at = index % samples.numSamples;
    const part = sliceSamples(samples, at, at + 1);
    const start = performance.now();
    await call(part);
    if (index >= numWarmUps) times.push(performance.now() - start);
  }
  return times;
}

function tensorOf(runtime: Runtime, { type, values, numSamples }: Samples): Tensor {
  return new runtime.Tensor(type.dtype as "float32", values as Float32Array, [numSamples, ...type.shape]);
}

function floatsOf({ data }: Tensor): Float32Array {
  return data instanceof Float32Array ? data : Float32Array.from(data as Iterable<number>, Number);
}

function concatenated(parts: readonly Float32Array[]): Float32Array {
  const result = new Float32Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    result.set(part, at);
    at += part.length;
  }
  return result;
}

function send(answer: RuntimeAnswer<RunResult>): void {
  process.send?.(answer);
}

function messageOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}
