import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import type { TopicBounds } from "@anneal/contracts";
import { datasetCorrupt, sourceFailed } from "../errors.ts";
import { type CheckedSource, noBadRecords, type SourceContext } from "../source.ts";
import type { TopicDeclaration, TopicFormat } from "./declaration.ts";
import { createDecoder } from "./decode.ts";
import { keepShares } from "./shares.ts";
import type { TopicHandles } from "./topic-stream.ts";

/** Who prepares a run waits before a screen. */
const openPatienceMs = 15_000;

/**
 * Looks a topic up and decides which of its records are read, unless that was decided when the run was prepared. The digest is over the
 * records' places and what becomes of them; that a place holds the same record for ever is what a topic is.
 *
 * @throws AnnealError TOPIC_NOT_FOUND, DATASET_CHANGED, DATASET_CORRUPT (no records), BROKER_UNREACHABLE, BROKER_ACCESS_DENIED,
 *   OFFSETS_EXPIRED, RECIPE_INVALID, SOURCE_FAILED
 */
export async function openTopic(
  declaration: TopicDeclaration,
  { topicBounds = null }: SourceContext,
): Promise<CheckedSource<TopicHandles>> {
  const { connection, topic, from, to, format, inputs, labels, numClasses, group, windows, shares } = declaration;
  await createDecoder(format, inputs, labels);
  const bounds = topicBounds ?? (await decide(declaration));
  const { topicId, ranges, numSamples } = bounds;
  const meaning = [topicId, ranges, from, to, await meaningOf(format), inputs, labels, numClasses, shares, windows];
  return {
    numSamples,
    numClasses,
    classNames: null,
    input: inputs,
    label: labels,
    columns: null,
    digest: createHash("sha256").update(JSON.stringify(meaning)).digest("hex"),
    canSeek: true,
    keys: null,
    badRecords: noBadRecords,
    handles: {
      kind: "stream",
      origin: "topic",
      place: `topic ${topic}`,
      connection,
      bounds,
      format,
      group,
      windows,
      shares,
      numSamples,
      inputField: inputs,
      labelField: labels,
      numClasses,
      canSeek: true,
    },
  };
}

async function decide({ connection, topic, from, to, windows, shares }: TopicDeclaration): Promise<TopicBounds> {
  // Loaded by who reads a topic alone.
  const { decideBounds, decideStart, TopicClient } = await import("@anneal/kafka");
  await using client = await TopicClient.open(connection, topic, { limitMs: openPatienceMs });
  if (windows !== null) return await decideStart(client, from, windows.numSamples);
  const bounds = await decideBounds(client, from, to, keepShares(shares));
  if (bounds.numSamples > 0) return bounds;
  throw datasetCorrupt(`topic ${topic}`, "records between its bounds", "1 or more", 0);
}

async function meaningOf(format: TopicFormat): Promise<unknown> {
  if (format.kind !== "module" || !format.module.startsWith("file:")) return format;
  const code = await readFile(fileURLToPath(format.module)).catch((cause) => {
    throw sourceFailed(format.module, format.exportName, null, cause);
  });
  return [createHash("sha256").update(code).digest("hex"), format.exportName, format.options];
}
