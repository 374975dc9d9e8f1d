import type { CallFamily } from "./arbitraries.ts";
import { contractionCalls } from "./contraction-calls.ts";
import { elementwiseCalls } from "./elementwise-calls.ts";
import { imageCalls } from "./image-calls.ts";
import { indexingCalls } from "./indexing-calls.ts";
import { movementCalls } from "./movement-calls.ts";
import { normalizationCalls } from "./normalization-calls.ts";
import { randomCalls } from "./random-calls.ts";
import { reductionCalls } from "./reduction-calls.ts";
import { sliceCalls } from "./slice-calls.ts";
import { windowCalls } from "./window-calls.ts";

/** Calls of every op that can be called outside of a session. */
export const callFamilies: Readonly<Record<string, CallFamily>> = {
  elementwise: elementwiseCalls,
  reduction: reductionCalls,
  contraction: contractionCalls,
  window: windowCalls,
  normalization: normalizationCalls,
  movement: movementCalls,
  slice: sliceCalls,
  indexing: indexingCalls,
  image: imageCalls,
  random: randomCalls,
};
