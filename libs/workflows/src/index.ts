/** Workflows of Anneal: Temporal's bundler registers every function exported here. */
export { compare } from "./compare.ts";
export { train } from "./train.ts";
