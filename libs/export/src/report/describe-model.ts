import type { ExportRequest } from "../export-model.ts";
import type { ModelMetadata } from "../formats/exporter.ts";

/** What goes into the file beside the model. */
export function describeModel({ model, spec, facts }: Pick<ExportRequest, "model" | "spec" | "facts">): ModelMetadata {
  const { recipe, checkpoint, areClasses } = facts;
  const [input, output] = [model.inputs[0]!, model.outputs[0]!].map(({ name, value }) => {
    const { dtype, shape } = value.node.outputs[value.index]!;
    return { name, dtype, shape: ["batch", ...shape.slice(1)] };
  });
  const meaning = areClasses ? "one score for each class" : "what the model predicts";
  return {
    description: `${recipe.name}, trained by Anneal: takes inputs as the recipe's transforms make them, gives ${meaning}`,
    properties: {
      recipe: recipe.name,
      recipe_digest: recipe.digest,
      checkpoint_digest: checkpoint.digest,
      step: String(checkpoint.step),
      epoch: String(checkpoint.epoch),
      precision: spec.precision,
      input: JSON.stringify(input),
      output: JSON.stringify({ ...output, meaning }),
    },
  };
}
