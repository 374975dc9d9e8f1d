import type { OpFamily } from "./row.ts";

export const poolingOps: OpFamily = {};
