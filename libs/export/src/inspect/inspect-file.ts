import { readFile, stat } from "node:fs/promises";
import type { ModelInspection } from "@anneal/contracts";
import { inspectOnnx } from "./inspect-onnx.ts";
import { invalid } from "./read-onnx.ts";

/** Files of the format are no larger. */
const maxBytes = 2 ** 31 - 1;

/**
 * What is in a model's file, whoever wrote it.
 *
 * @throws AnnealError MODEL_FILE_INVALID for what is not there, no file, or no sound model
 */
export async function inspectFile(path: string): Promise<ModelInspection> {
  const found = await stat(path).catch(() => null);
  if (found === null) throw invalid(path, "there is no such file");
  if (!found.isFile()) throw invalid(path, "it is no file");
  if (found.size > maxBytes) throw invalid(path, "it is larger than 2 GB");
  return inspectOnnx(path, await readFile(path));
}
