import type { OpFamily } from "./row.ts";

export const indexingOps: OpFamily = {};
