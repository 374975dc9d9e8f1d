import type { CostModel } from "../precision/kernel-costs.ts";

/** Everything that may be in 16 bits is: cases of tests are too small to gain by it, casts included. */
export const freeCosts: CostModel = { kernel: () => ({ float32: 1, half: 0 }), cast: () => 0 };
