import { dirname } from "node:path";
import { annealHome, openCheckpointStore } from "@anneal/checkpoint";
import type { Command } from "commander";
import type { CommandResult } from "../output.ts";
import { formatProvenance, provenanceOf } from "../render/provenance.ts";
import { resolveTarget } from "../runs/target.ts";
import { type CommonOptions, defineCommand, finish } from "./define.ts";

export function provenanceCommand(): Command {
  return defineCommand(
    "provenance <run|checkpoint>",
    "Show what trained the weights of a run's newest checkpoint, or of any checkpoint's folder: which data, which offsets of a topic",
    "anneal provenance clicks-1",
  ).action((target: string, options: CommonOptions) => finish(options, provenance(annealHome(), target)));
}

async function provenance(home: string, target: string): Promise<CommandResult> {
  const path = resolveTarget(home, target);
  const [newest] = await openCheckpointStore(path).list();
  // A folder of a checkpoint alone: any store reads it.
  const found = newest ?? (await openCheckpointStore(dirname(path)).load(path));
  const document = provenanceOf(found.path, found.manifest);
  return { document, text: formatProvenance(document) };
}
