import type { OpFamily } from "./row.ts";

export const randomOps: OpFamily = {};
