import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { generatorEnded, sourceFailed } from "../errors.ts";
import { type CheckedSource, noBadRecords, type SourceContext } from "../source.ts";
import { countSamples } from "./count-samples.ts";
import type { GeneratorDeclaration } from "./declaration.ts";
import type { GeneratorHandles } from "./stream.ts";

/**
 * Loads a generator, and counts its samples unless their number is given. The digest is over the module's own bytes and what it is
 * given; what it imports or reads is no part of it. Throws `SOURCE_FAILED`, `DATASET_CORRUPT` for one that gives nothing.
 */
export async function openGenerator(
  declaration: GeneratorDeclaration,
  context: SourceContext,
): Promise<CheckedSource<GeneratorHandles>> {
  const { module, exportName, options, inputs, labels, numClasses, canSeek } = declaration;
  const numSamples = await countSamples(declaration, context);
  if (numSamples === 0) throw generatorEnded(declaration, "number of samples", "1 or more", 0);
  const meaning = [await codeOf(module, exportName), exportName, options, numSamples, inputs, labels, numClasses];
  return {
    numSamples,
    numClasses,
    classNames: null,
    input: inputs,
    label: labels,
    columns: null,
    digest: createHash("sha256").update(JSON.stringify(meaning)).digest("hex"),
    canSeek,
    keys: null,
    badRecords: noBadRecords,
    handles: {
      kind: "stream",
      origin: "generator",
      place: module,
      module,
      exportName,
      options,
      numSamples,
      inputField: inputs,
      labelField: labels,
      numClasses,
      canSeek,
    },
  };
}

async function codeOf(module: string, exportName: string): Promise<string> {
  if (!module.startsWith("file:")) return module;
  const code = await readFile(fileURLToPath(module)).catch((cause) => {
    throw sourceFailed(module, exportName, null, cause);
  });
  return createHash("sha256").update(code).digest("hex");
}
