/** Workflows of Anneal: Temporal's bundler registers every function exported here. */
export { train } from "./train.ts";
