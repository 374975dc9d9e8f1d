import type { TfliteRows } from "../row.ts";
import { contractionRows } from "./contractions.ts";
import { elementwiseRows } from "./elementwise.ts";
import { imageRows } from "./images.ts";
import { indexingRows } from "./indexing.ts";
import { movementRows } from "./movement.ts";
import { normalizationRows } from "./normalization.ts";
import { reductionRows } from "./reductions.ts";
import { spaceRows } from "./space.ts";
import { windowRows } from "./windows.ts";

/** How each op is written: one row an op, one file a family. */
export const tfliteRows: TfliteRows = {
  ...elementwiseRows,
  ...reductionRows,
  ...contractionRows,
  ...windowRows,
  ...normalizationRows,
  ...movementRows,
  ...spaceRows,
  ...indexingRows,
  ...imageRows,
};
