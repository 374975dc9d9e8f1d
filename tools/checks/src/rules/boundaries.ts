/**
 * The direction of imports, as two tables over the tags in each `package.json`.
 *
 * `type:` says who may depend on whom, `runtime:` where the code can run: a package runs in every place that its
 * dependents run in, so it may only depend on what runs there too.
 */

export const types = ["app", "lib", "tool"] as const;
export const runtimes = ["pure", "workflow", "node", "browser"] as const;
export type Type = (typeof types)[number];
export type Runtime = (typeof runtimes)[number];

/** Which types a package of each type may depend on. */
export const allowedTypes: Readonly<Record<Type, readonly Type[]>> = {
  lib: ["lib"],
  tool: ["lib", "tool"],
  app: ["lib"],
};

/** Tools that an app may depend on although `allowedTypes` has no tools for apps: `anneal up` and `doctor` provision. */
export const toolsForApps: readonly string[] = ["@anneal/provision"];

/** Which runtimes a package of each runtime may depend on. */
export const allowedRuntimes: Readonly<Record<Runtime, readonly Runtime[]>> = {
  pure: ["pure"],
  workflow: ["pure", "workflow"],
  browser: ["pure", "browser"],
  node: ["pure", "workflow", "node"],
};

/** The packages from a registry that code outside Node may import. Node code may import what it declares. */
export const allowedExternals: Readonly<Record<Exclude<Runtime, "node">, readonly string[]>> = {
  pure: ["zod", "@bufbuild/protobuf"],
  workflow: ["zod", "@temporalio/common", "@temporalio/workflow"],
  browser: ["zod", "@tensorflow/tfjs"],
};

/** Everything imports it, so it imports no package of the workspace. */
export const basePackage = "@anneal/contracts";

export function isType(value: string | undefined): value is Type {
  return types.some((type) => type === value);
}

export function isRuntime(value: string | undefined): value is Runtime {
  return runtimes.some((runtime) => runtime === value);
}
