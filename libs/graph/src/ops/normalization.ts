import type { OpFamily } from "./row.ts";

export const normalizationOps: OpFamily = {};
