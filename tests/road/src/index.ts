export { Installation, type RunDocument } from "./installation.ts";
export { activitySummaries, connect, failedAttempts, liveProgress, runState } from "./observe.ts";
