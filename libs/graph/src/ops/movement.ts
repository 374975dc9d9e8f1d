import type { OpFamily } from "./row.ts";

export const movementOps: OpFamily = {};
