import { compileProgram } from "@anneal/compiler";
import { assignVariable, makeValue, placeholder, scalar, typeAttribute, typeOf, type Value } from "@anneal/graph";
import { type FeedValues, GraphSession, type SessionOutputs, type TensorflowBackend } from "@anneal/runtime";
import type { PredictModel } from "./predict-model.ts";

/** Values inside of a model, as TensorFlow computes them. */
export interface Reference extends Disposable {
  /** Samples of a call: the graph holds for the size that it was traced for alone. */
  readonly numSamples: number;
  /** The values that were asked for, for so many samples. */
  readonly run: (inputs: readonly FeedValues[]) => SessionOutputs;
}

/** @param values float32 or int32 values of the model's graph */
export function openReference(model: PredictModel, values: readonly Value[], backend: TensorflowBackend): Reference {
  const handles = model.graph.nodes.filter(({ op }) => op === "VarHandleOp");
  const fed = handles.map((node) => {
    const source = model.weights.get(node.name!)!;
    return { node, source, value: placeholder(`load/${node.name}`, source.type) };
  });
  const controls = fed.map(({ node, value }) => assignVariable({ node, index: 0 }, value));
  const isLoaded = makeValue("Identity", [scalar(0)], typeAttribute("T", "float32"), { controls });
  const { savedModel, signatures } = compileProgram(
    {
      load: { feeds: fed.map(({ value }) => value), fetches: [isLoaded] },
      run: { feeds: model.inputs.map(({ value }) => value), fetches: values },
    },
    [],
  );
  const session = new GraphSession(backend, savedModel);
  session.bind(signatures.load)(fed.map(({ source }) => source.read() as FeedValues));
  return {
    numSamples: typeOf(model.inputs[0]!.value).shape[0]!,
    run: session.bind(signatures.run),
    [Symbol.dispose]: () => session.dispose(),
  };
}
