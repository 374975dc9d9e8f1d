export { Installation, type RunDocument } from "./installation.ts";
export { connect, failedAttempts, liveProgress, runState } from "./observe.ts";
