import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import type { OpenSource } from "@anneal/sources";
import { type Dataset, type DatasetPart, defaultWindow } from "./dataset.ts";
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

/** Of a data set: that of its one part, where nothing else is said. */
export function digestOfParts(
  digests: readonly string[],
  { settings }: Pick<Dataset, "settings">,
  perEpoch: readonly number[],
): string {
  const { shuffle, badRecords, window, blend } = settings;
  const [first] = digests;
  const isPlain =
    digests.length === 1 &&
    shuffle === true &&
    badRecords.action === "fail" &&
    window === defaultWindow &&
    blend === null;
  return isPlain ? first! : sha256([digests, perEpoch, shuffle, badRecords, window, blend]);
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
