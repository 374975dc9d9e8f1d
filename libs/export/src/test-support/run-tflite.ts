import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { TfliteGraph } from "../tflite/tflite-graph.ts";
import { writeTflite } from "../tflite/write-tflite.ts";
import { runPython } from "./python.ts";

/** The bytes of a model's file. */
export function tfliteBytes(graph: TfliteGraph): Uint8Array {
  const chunks: Uint8Array[] = [];
  writeTflite(graph, { description: "a test", properties: {} }, (bytes) => void chunks.push(bytes.slice()));
  return Buffer.concat(chunks);
}

/** A file, and what it is given: inputs by name, any number of them. */
export interface TfliteCase {
  readonly graph: TfliteGraph;
  readonly inputs: Readonly<Record<string, TfliteInput>>;
}

export interface TfliteInput {
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly values: readonly number[];
}

/** Values of the outputs in the graph's order, or why the runtime refused. */
export type TfliteOutcome = { readonly outputs: readonly (readonly number[])[] } | { readonly refused: string };

const program = `
import json, pathlib, sys, numpy
from ai_edge_litert import interpreter
folder = pathlib.Path(sys.argv[1])
for number, case in enumerate(json.loads((folder / "cases.json").read_text())):
    print(json.dumps({"begun": number}), flush=True)
    try:
        model = interpreter.Interpreter(model_path=str(folder / f"{number}.tflite"), num_threads=1)
        given = {details["name"]: details["index"] for details in model.get_input_details()}
        for name, value in case["inputs"].items():
            model.resize_tensor_input(given[name], value["shape"])
        model.allocate_tensors()
        for name, value in case["inputs"].items():
            values = numpy.array([float(each) if isinstance(each, str) else each for each in value["values"]])
            model.set_tensor(given[name], values.astype(value["dtype"]).reshape(value["shape"]))
        model.invoke()
        made = {details["name"]: details["index"] for details in model.get_output_details()}
        outputs = [[repr(each) for each in model.get_tensor(made[name]).astype(float).ravel().tolist()] for name in case["outputs"]]
        print(json.dumps({"outputs": outputs}), flush=True)
    except (RuntimeError, ValueError) as error:
        print(json.dumps({"refused": str(error)}), flush=True)
`;

/** Runs models in LiteRT, all in one process. A process that ends with a crash names the model it was at. */
export async function runTflite(folder: string, cases: readonly TfliteCase[]): Promise<readonly TfliteOutcome[]> {
  mkdirSync(folder, { recursive: true });
  cases.forEach(({ graph }, index) => {
    writeFileSync(join(folder, `${index}.tflite`), tfliteBytes(graph));
  });
  const described = cases.map(({ inputs, graph }) => ({ inputs, outputs: graph.outputs.map(({ name }) => name) }));
  // JSON has no number for what is not finite.
  const text = JSON.stringify(described, (_, value) =>
    typeof value === "number" && !Number.isFinite(value) ? String(value) : value,
  );
  writeFileSync(join(folder, "cases.json"), text);
  const lines = (await runPython("litert", program, folder)).trim().split("\n");
  return lines.filter((line) => !line.startsWith('{"begun"')).map(outcomeOf);
}

function outcomeOf(line: string): TfliteOutcome {
  const said = JSON.parse(line) as { readonly outputs: readonly (readonly string[])[] } | { readonly refused: string };
  if ("refused" in said) return said;
  return { outputs: said.outputs.map((values) => values.map(numberOf)) };
}

/** A number as Python writes it. */
function numberOf(text: string): number {
  return Number(text.replace("inf", "Infinity"));
}
