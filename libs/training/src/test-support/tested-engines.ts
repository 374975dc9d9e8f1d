import type { EngineName } from "@anneal/contracts";

/** For suites that start processes with each test: the reference engine takes its turn in the slow lane. */
export const testedEngines: readonly EngineName[] = process.env.ANNEAL_TESTS === "slow" ? ["eager"] : ["compiled"];
