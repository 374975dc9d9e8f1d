import { createRequire, registerHooks } from "node:module";
import { pathToFileURL } from "node:url";

/**
 * Lets a recipe in any folder import Anneal's API, zod and TensorFlow.js without installing anything there.
 *
 * A bare specifier of the table below, imported from outside the repository's own packages, resolves as if one of
 * these packages had imported it: so there is one copy of each, and a recipe's tensors live in the engine's backend.
 * That holds even where the recipe's folder has copies of its own: a second tfjs-core would be a second, empty engine.
 */

const repository = new URL("../../../", import.meta.url);
const ownDirectories = ["apps/", "libs/", "tools/", "node_modules/"].map((name) => new URL(name, repository).href);

const anneal = new URL("libs/anneal/src/index.ts", repository).href;
const runtime = import.meta.url;

const tensorflowLoaded = Symbol.for("anneal.tensorflowLoaded");
const registered = Symbol.for("anneal.resolutionRegistered");
const perThread = globalThis as { [tensorflowLoaded]?: boolean; [registered]?: boolean };

/** Called once TensorFlow is in this thread: from then on `@tensorflow/tfjs-node` means the loaded one. */
export function markTensorflowLoaded(): void {
  perThread[tensorflowLoaded] = true;
}

interface Redirect {
  readonly specifier: string;
  /** The module that is made the importer; a bare specifier is resolved from `runtime` first. */
  readonly importer: string;
}

/** Whether `loadTensorflow` has succeeded in this thread. */
export function isTensorflowLoaded(): boolean {
  return perThread[tensorflowLoaded] === true;
}

const tfjs = "@tensorflow/tfjs";
const nodeGpu = "@tensorflow/tfjs-node-gpu";

/** Where a bare specifier leads, or null where it is none of ours. */
function redirect(specifier: string): Redirect | null {
  const [scopeOrName = "", name] = specifier.split("/");
  if (scopeOrName === "anneal" || scopeOrName === "zod") return { specifier, importer: anneal };
  if (scopeOrName !== "@tensorflow") return null;
  switch (name) {
    case "tfjs":
      return { specifier, importer: runtime };
    case "tfjs-core":
    case "tfjs-layers":
    case "tfjs-data":
    case "tfjs-converter":
    case "tfjs-backend-cpu":
      // Dependencies of tfjs: only it can see them.
      return { specifier, importer: tfjs };
    case "tfjs-node":
    case "tfjs-node-gpu":
      return { specifier: isTensorflowLoaded() ? nodeGpu : tfjs, importer: runtime };
    default:
      return null;
  }
}

/** Registers the resolution in this thread; a second call does nothing. Synchronous, and loads no package. */
export function registerRecipeResolution(): void {
  if (perThread[registered]) return;
  perThread[registered] = true;
  registerHooks({
    resolve(specifier, context, nextResolve) {
      const target = redirect(specifier);
      if (target === null || isOwn(context.parentURL)) return nextResolve(specifier, context);
      const resolveFrom = (parentURL: string, name: string) => {
        if (!context.conditions?.includes("require")) return nextResolve(name, { ...context, parentURL });
        // The resolver of `require` knows only the real importer, whatever the context says.
        const path = createRequire(parentURL).resolve(name);
        return { url: pathToFileURL(path).href, shortCircuit: true };
      };
      const importer = target.importer === tfjs ? resolveFrom(runtime, tfjs).url : target.importer;
      return resolveFrom(importer, target.specifier);
    },
  });
}

/** Whether a module belongs to the repository's packages, or to what is installed for them. */
function isOwn(parentURL: string | undefined): boolean {
  return parentURL !== undefined && ownDirectories.some((directory) => parentURL.startsWith(directory));
}

/** Arguments of `node`, or `execArgv` of a Worker or a Piscina pool, that register the resolution there. */
export function recipeResolutionArguments(): string[] {
  return ["--import", new URL("register.ts", import.meta.url).href];
}
