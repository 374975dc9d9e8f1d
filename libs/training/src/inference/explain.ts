import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { RunSpec, StepExplanation } from "@anneal/contracts";
import { spawnTrainer } from "../trainer/client.ts";

/**
 * The training step of a recipe, compiled and measured in a trainer process of its own. No run is made of it.
 *
 * @throws AnnealError TRACE_UNSUPPORTED where the step cannot be compiled; USAGE for the eager engine; whatever preparing a run of
 *   this spec throws
 */
export async function explainRecipe(spec: RunSpec): Promise<StepExplanation> {
  const runDirectory = await mkdtemp(join(tmpdir(), "anneal-explain-"));
  try {
    const trainer = await spawnTrainer({ runDirectory });
    try {
      await trainer.prepare({ runId: "explain", spec, attempt: 1, resume: null });
      return await trainer.explain();
    } finally {
      await trainer.close();
    }
  } finally {
    await rm(runDirectory, { recursive: true, force: true });
  }
}
