import type { Tfjs } from "@anneal/runtime";

/** A data set of tfjs-data whose elements are batches: `{xs, ys}`. */
export type Batches = ReturnType<Tfjs["data"]["array"]>;

/** Batches that are prepared ahead of the one in use. */
export const numAhead = 4;
