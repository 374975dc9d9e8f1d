export { type ActivityDependencies, createActivities } from "./create-activities.ts";
export type { SignalProgress } from "./supervise.ts";
export { type Trainer, TrainerPool } from "./trainer-pool.ts";
export { writeReport } from "./write-report.ts";
