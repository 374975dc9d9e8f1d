import type { Pass } from "./pass.ts";

/** Every pass, in the order in which they run. These keep the numbers, within rounding. */
export const preservingPasses: readonly Pass[] = [];
