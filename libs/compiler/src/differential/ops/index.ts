import type { OpCases } from "./case.ts";
import { contractionCases } from "./contractions.ts";
import { convolutionCases } from "./convolutions.ts";
import { elementwiseCases } from "./elementwise.ts";
import { indexingCases } from "./indexing.ts";
import { lossCases } from "./losses.ts";
import { movementCases } from "./movement.ts";
import { reductionCases } from "./reductions.ts";
import { sourceCases } from "./sources.ts";

/** Every case, by the public name of the function. */
export const opCases: OpCases = {
  ...contractionCases,
  ...convolutionCases,
  ...elementwiseCases,
  ...indexingCases,
  ...lossCases,
  ...movementCases,
  ...reductionCases,
  ...sourceCases,
};
