import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import type { OpenSource } from "@anneal/sources";
import { type Dataset, type DatasetPart, defaultWindow } from "./dataset.ts";
import { maxListed } from "./order.ts";
import type { TransformReference } from "./transform.ts";

/** sha256 (hex) over what a part's samples are made of: its source's content, selections, transforms. */
export async function digestOfPart(
  { digest }: Pick<OpenSource, "digest">,
  { selections, transforms }: Pick<DatasetPart, "selections" | "transforms">,
): Promise<string> {
  const chosen = selections.map(async (selection) =>
    selection.kind === "filter" ? { ...selection, predicate: await contentOf(selection.predicate) } : selection,
  );
  const steps = transforms.map(contentOf);
  return sha256([digest, await Promise.all(chosen), await Promise.all(steps)]);
}

/** How orders that are too long to be listed are made: whoever makes others makes other batches. */
const longOrders = "feistel 1";

interface DigestedPart {
  readonly digest: string;
  readonly numSamples: number;
  readonly perEpoch: number;
}

/** Of a data set: that of its one part, where nothing else is said. */
export function digestOfParts(parts: readonly DigestedPart[], { settings }: Pick<Dataset, "settings">): string {
  const { shuffle, badRecords, window, blend } = settings;
  const digests = parts.map(({ digest }) => digest);
  const perEpoch = parts.map((part) => part.perEpoch);
  const isLong = [perEpoch.reduce((sum, count) => sum + count, 0), ...parts.map(({ numSamples }) => numSamples)].some(
    (count) => count > maxListed,
  );
  const isPlain =
    parts.length === 1 &&
    !isLong &&
    shuffle === true &&
    badRecords.action === "fail" &&
    window === defaultWindow &&
    blend === null;
  if (isPlain) return parts[0]!.digest;
  return sha256([digests, perEpoch, shuffle, badRecords, window, blend, ...(isLong ? [longOrders] : [])]);
}

async function contentOf({ module, exportName, options, state }: TransformReference) {
  const code = module.startsWith("file:") ? await readFile(fileURLToPath(module)) : module;
  return [
    createHash("sha256").update(code).digest("hex"),
    exportName,
    options,
    ...(state === undefined ? [] : [state]),
  ];
}

function sha256(content: unknown): string {
  return createHash("sha256").update(JSON.stringify(content)).digest("hex");
}
