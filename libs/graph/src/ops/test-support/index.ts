/** Calls of every op for tests of other packages, with what TensorFlow makes of them. */
export type { TestCall, TestInput } from "./call.ts";
export { execute, toData } from "./execute.ts";
export { callFamilies } from "./families.ts";
