import { engineFailure } from "../engine/failures.ts";
import { threw } from "./load.ts";

/**
 * Runs a part of the recipe in the file at `path`: what it throws, or rejects with, is the recipe's, unless memory ran out.
 *
 * @throws AnnealError RECIPE_THREW, OUT_OF_MEMORY, or the `AnnealError` that was thrown
 */
export function guardRecipe<T>(what: string, path: string, run: () => T): T {
  const failed = (cause: unknown): never => {
    const failure = engineFailure(what, cause);
    throw failure === cause ? threw(what, path, cause) : failure;
  };
  try {
    const result = run();
    return result instanceof Promise ? (result.catch(failed) as T) : result;
  } catch (cause) {
    return failed(cause);
  }
}
