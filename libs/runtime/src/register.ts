// Imported for its effect, in a thread that is to load recipes: `node --import @anneal/runtime/register`.
import { registerRecipeResolution } from "./resolveHook.ts";

registerRecipeResolution();
