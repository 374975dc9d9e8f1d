export { type TempAnnealHome, tempAnnealHome } from "./anneal-home.ts";
export { descendantsOf, killTree, processAlive } from "./processes.ts";
export { killMoments, type SeededRandom, seededRandom } from "./seeded-random.ts";
export { type WaitOptions, waitFor } from "./wait-for.ts";
