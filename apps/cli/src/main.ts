import { enableCompileCache } from "node:module";
import { join } from "node:path";
import { cacheDirectory } from "@anneal/runtime";

// Compiled code is kept from one start to the next: half the start's time, here and (by the variable, which they
// inherit) in the worker and the trainers. So everything else is imported after this.
process.env.NODE_COMPILE_CACHE ||= join(cacheDirectory(), "compile-cache");
enableCompileCache(process.env.NODE_COMPILE_CACHE);

const { runCommandLine } = await import("./command-line.ts");
await runCommandLine(process.argv);
