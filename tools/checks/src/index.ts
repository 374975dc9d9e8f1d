export { checkWorkspace } from "./check-workspace.ts";
export type { Violation } from "./workspace.ts";
