import type { OpFamily } from "./row.ts";

export const imageOps: OpFamily = {};
