import { AnnealError } from "@anneal/contracts";
import type { Dataset } from "./dataset.ts";
import type { FoundPart } from "./fit.ts";

/** Throws `RECIPE_INVALID` for what a data set cannot be asked whose samples have no numbers: they come in their own order. */
export function requireStreamable({ parts }: Dataset, found: readonly FoundPart[]): void {
  if (!found.some(({ source }) => source.handles.kind === "stream")) return;
  const asked = [
    [parts.length > 1, "mix()"],
    [parts.some(({ selections }) => selections.some(({ kind }) => kind === "filter")), "filter()"],
    // The splits of a topic are made by who reads it: they are no selections here.
    [
      found.some(({ declared }) => declared.selections.some(({ kind }) => kind !== "filter")),
      "take(), range() and split()",
    ],
    [parts.some(({ cachedTransforms }) => cachedTransforms !== null), "cache()"],
    [found.some(({ declared }) => declared.transforms.some(({ fit }) => fit !== undefined)), "a transform that learns"],
  ] as const;
  const refused = asked.filter(([isAsked]) => isAsked).map(([, what]) => what);
  if (refused.length === 0) return;
  throw new AnnealError(
    "RECIPE_INVALID",
    `samples that come in their own order have no numbers: ${refused.join(", ")} would have to read them in another order than they come in`,
    "Leave samples out where they are made, or write them to a file once and read that. Of a topic, split() goes by keys.",
    { refused: refused.join(", ") },
  );
}
