import type { Manifest, PartitionPosition, TopicPosition } from "@anneal/contracts";
import { formatFacts, formatTable } from "./table.ts";
import { formatCount } from "./values.ts";

/** What trained the weights of a checkpoint. */
export interface Provenance {
  readonly runId: string;
  readonly checkpoint: string;
  readonly digest: string;
  readonly step: number;
  readonly recipe: Manifest["recipe"];
  readonly exact: boolean;
  /** sha256 of each split's data: its content, what was chosen of it and what became of it. */
  readonly data: Readonly<Record<string, string | null>>;
  /** Which offsets of which topic; null for other data. */
  readonly topic: TopicPosition | null;
  /** Steps, from 1, whose batch was taken and not trained on, after losses that were not finite. */
  readonly skippedSteps: readonly number[];
}

export function provenanceOf(path: string, manifest: Manifest): Provenance {
  const { runId, digest, recipe, exact, fingerprint, state } = manifest;
  const splits = ["train", "validation", "test"].map((split) => [split, fingerprint[`data.${split}`] ?? null] as const);
  return {
    runId,
    checkpoint: path,
    digest,
    step: state.step,
    recipe,
    exact,
    data: Object.fromEntries(splits) as Provenance["data"],
    topic: state.cursor.topic ?? null,
    skippedSteps: (state.corrections?.skippedSteps ?? []).map((step) => step + 1),
  };
}

export function formatProvenance(provenance: Provenance): string {
  const { topic, data, recipe, skippedSteps } = provenance;
  const facts = formatFacts([
    ["run", provenance.runId],
    ["checkpoint", provenance.checkpoint],
    ["digest", provenance.digest],
    ["step", formatCount(provenance.step)],
    ["recipe", `${recipe.name} ${recipe.digest}`],
    ...Object.entries(data).flatMap(([split, digest]) => (digest === null ? [] : [[`${split} data`, digest] as const])),
    ["exact", provenance.exact ? null : "no: went on under another fingerprint"],
    ["without", skippedSteps.length === 0 ? null : `the batches of steps ${skippedSteps.join(" ")}`],
    ["topic", topic && `${topic.topic} (${topic.topicId})`],
  ]);
  if (topic === null) return facts;
  const rows = topic.partitions.flatMap((partition) => rowsOf(partition, topic.pass));
  return [facts, "", formatTable(["partition", "offsets", "trained"], rows)].join("\n");
}

/** Ranges of offsets that were trained equally often; what was never trained is left out. */
function rowsOf(position: PartitionPosition, passes: number): readonly string[][] {
  const { partition, start, next, to, ahead = [] } = position;
  // Windows are trained once each.
  const [from, pass] = start === undefined ? [position.from, passes] : [start, 0];
  const again: (readonly [number, number])[] = [[from, next], ...ahead];
  const between = again.map(([, end], at): readonly [number, number] => [end, again[at + 1]?.[0] ?? to]);
  const all = again.flatMap((range, at) => [
    { range, times: pass + 1 },
    { range: between[at]!, times: pass },
  ]);
  return all
    .filter(({ range: [start, end], times }) => start < end && times > 0)
    .map(({ range: [start, end], times }) => [
      String(partition),
      `${start}-${end - 1}`,
      times === 1 ? "once" : `${times} times`,
    ]);
}
