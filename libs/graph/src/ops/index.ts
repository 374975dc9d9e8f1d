import { contractionOps } from "./contractions.ts";
import { controlOps } from "./control.ts";
import { convolutionOps } from "./convolutions.ts";
import { elementwiseOps } from "./elementwise.ts";
import { imageOps } from "./images.ts";
import { indexingOps } from "./indexing.ts";
import { movementOps } from "./movement.ts";
import { normalizationOps } from "./normalization.ts";
import { poolingOps } from "./pooling.ts";
import { randomOps } from "./random.ts";
import { reductionOps } from "./reductions.ts";
import type { OpFamily } from "./row.ts";
import { sourceOps } from "./sources.ts";
import { stateOps } from "./state.ts";

/** Every op that a graph may hold, by TensorFlow's name: one row an op, one file a family. */
export const opTable: OpFamily = {
  ...elementwiseOps,
  ...reductionOps,
  ...contractionOps,
  ...convolutionOps,
  ...poolingOps,
  ...normalizationOps,
  ...movementOps,
  ...indexingOps,
  ...imageOps,
  ...randomOps,
  ...sourceOps,
  ...stateOps,
  ...controlOps,
};
