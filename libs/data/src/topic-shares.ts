import type { KeyShare } from "@anneal/sources";
import type { DatasetPart, Selection } from "./dataset.ts";

/** A part whose samples are a topic's, with its splits handed to who reads the topic: it goes by the keys of records. */
export function withShares(part: DatasetPart): DatasetPart {
  const { source, selections } = part;
  if (source.kind !== "topic") return part;
  const shares = selections.flatMap((selection) => shareOf(selection) ?? []);
  const others = selections.filter((selection) => shareOf(selection) === null);
  return { ...part, source: { ...source, shares }, selections: others };
}

function shareOf(selection: Selection): KeyShare | null {
  if (selection.kind === "part") return { seed: selection.seed, from: selection.from, to: selection.to };
  if (selection.kind !== "split") return null;
  const { seed, share, side } = selection;
  return side === "held" ? { seed, from: 0, to: share } : { seed, from: share, to: 1 };
}
