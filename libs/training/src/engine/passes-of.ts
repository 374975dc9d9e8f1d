import { type Pass, pipelineOf } from "@anneal/compiler";
import type { Lowering } from "@anneal/contracts";
import type { EngineOptions } from "./step-engine.ts";

/** Every pass that a step of these options goes through. */
export function passesOf({ crossEntropy }: EngineOptions, lowering: Lowering): readonly Pass[] {
  return pipelineOf(lowering, crossEntropy === "clipped" ? ["unclip-cross-entropy"] : []);
}
