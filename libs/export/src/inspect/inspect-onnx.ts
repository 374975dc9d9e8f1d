import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { AnnealError, type InspectedOp, type InspectedRun, type ModelInspection } from "@anneal/contracts";
import { create, toBinary } from "@bufbuild/protobuf";
import { ModelProtoSchema, ValueInfoProtoSchema } from "../onnx/schema/onnx_pb.ts";
import { type FoundValue, findShapes } from "../runtimes/onnx-runtime.ts";
import { peakMemory } from "./memory.ts";
import { microWarnings } from "./micro-ops.ts";
import { bytesOfValues, describeTensor, describeValue } from "./onnx-types.ts";
import { operationsOf, sizeOf } from "./operations.ts";
import { type OnnxFile, readOnnx } from "./read-onnx.ts";

/**
 * What is in an ONNX file. The types of what it computes come from ONNX Runtime, which runs it once on zeros, in a process of its own.
 *
 * @throws AnnealError MODEL_FILE_INVALID
 */
export async function inspectOnnx(path: string, bytes: Uint8Array): Promise<ModelInspection> {
  const file = readOnnx(bytes, path);
  const described = describe(path, bytes.length, file);
  try {
    const { running, ops } = await measure(file);
    return { ...described, running, ops };
  } catch (error) {
    // A file that this runtime cannot run, for want of an op or of itself, is still a file.
    if (!(error instanceof AnnealError)) throw error;
    return { ...described, notRun: error.message };
  }
}

/** All that is known without running the file. */
export function describe(path: string, numBytes: number, { model, graph }: OnnxFile): ModelInspection {
  const weights: Record<string, { numValues: number; numBytes: number }> = {};
  for (const tensor of graph.initializer) {
    const { dtype, numValues } = describeTensor(tensor);
    const known = weights[dtype] ?? { numValues: 0, numBytes: 0 };
    weights[dtype] = {
      numValues: known.numValues + numValues,
      numBytes: known.numBytes + bytesOfValues(dtype, numValues),
    };
  }
  const names = new Set(graph.initializer.map(({ name }) => name));
  const opsets = model.opsetImport.map(({ domain, version }) => `${domain === "" ? "opset" : domain} ${version}`);
  const counts = new Map<string, number>();
  for (const { opType } of graph.node) counts.set(opType, (counts.get(opType) ?? 0) + 1);
  const ops = [...counts].sort(([a], [b]) => (a < b ? -1 : 1));
  return {
    path,
    format: "ONNX",
    numBytes,
    producer: [model.producerName, model.producerVersion, ...opsets].filter((part) => part !== "").join(", "),
    inputs: graph.input.filter(({ name }) => !names.has(name)).map(describeValue),
    outputs: graph.output.map(describeValue),
    weights,
    ops: ops.map(([op, count]) => ({ op, count, numOperations: null })),
    running: null,
    notRun: null,
    warnings: microWarnings(ops.map(([op]) => op)),
  };
}

async function measure(
  file: OnnxFile,
): Promise<{ readonly running: InspectedRun; readonly ops: readonly InspectedOp[] }> {
  const { graph } = file;
  const { inputs } = describe("", 0, file);
  const fed = inputs.map(({ name, dtype, dims }) => ({
    name,
    dtype,
    dims: dims.map((dim) => (typeof dim === "number" ? dim : 1)),
  }));
  const found = await runOnZeros(file, fed);
  const tensors = new Map(graph.initializer.map(({ name, dims }) => [name, dims.map(Number)]));
  const values = new Map<string, FoundValue>([
    ...fed.map(({ name, dtype, dims }) => [name, { dtype, dims }] as const),
    ...found,
  ]);
  const dimsOf = (name: string) => values.get(name)?.dims ?? tensors.get(name) ?? [];
  const bytesOf = (name: string) => {
    const value = values.get(name);
    return value === undefined ? 0 : bytesOfValues(value.dtype, sizeOf(value.dims));
  };
  const totals = new Map<string, InspectedOp>();
  for (const node of graph.node) {
    const numOperations = operationsOf({ node, inputs: node.input.map(dimsOf), outputs: node.output.map(dimsOf) });
    const { opType: op } = node;
    const known = totals.get(op) ?? { op, count: 0, numOperations: 0 };
    totals.set(op, { op, count: known.count + 1, numOperations: known.numOperations! + numOperations });
  }
  const ops = [...totals.values()].sort((a, b) => b.numOperations! - a.numOperations! || (a.op < b.op ? -1 : 1));
  const steps = graph.node.map(({ opType, name, input, output }) => ({
    label: name === "" ? opType : name,
    inputs: input,
    outputs: output,
  }));
  const peak = peakMemory(steps, {
    bytesOf,
    given: fed.map(({ name }) => name),
    kept: graph.output.map(({ name }) => name),
  });
  const activations: Record<string, number> = {};
  for (const [name, { dtype }] of found) activations[dtype] = (activations[dtype] ?? 0) + bytesOf(name);
  const numOperations = ops.reduce((sum, op) => sum + op.numOperations!, 0);
  return { ops, running: { peakActivationBytes: peak.bytes, peakAt: peak.at, numOperations, activations } };
}

/** The file with every value as an output, so that the runtime tells what each one is. */
async function runOnZeros(
  { model, graph }: OnnxFile,
  inputs: Parameters<typeof findShapes>[0]["inputs"],
): Promise<ReadonlyMap<string, FoundValue>> {
  const given = new Set(graph.output.map(({ name }) => name));
  const names = graph.node.flatMap(({ output }) => output).filter((name) => name !== "" && !given.has(name));
  const output = [...graph.output, ...names.map((name) => create(ValueInfoProtoSchema, { name }))];
  const folder = mkdtempSync(join(tmpdir(), "anneal-inspect-"));
  try {
    const path = join(folder, "model.onnx");
    writeFileSync(path, toBinary(ModelProtoSchema, { ...model, graph: { ...graph, output } }));
    return await findShapes({ path, inputs });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
