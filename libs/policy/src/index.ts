export { type Device, type PolicyDecisions, resolvePolicy, supportedPrecisions } from "./resolve-policy.ts";
