import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { AnnealError } from "@anneal/contracts";
import { lastLines, runCommand } from "./command.ts";
import { findCompiler } from "./compiler.ts";
import { installOnce, type Log } from "./install.ts";

const require = createRequire(import.meta.url);

const sourceDirectory = join(dirname(require.resolve("@tensorflow/tfjs-node-gpu/package.json")), "binding");
const nodeApiDirectory = dirname(require.resolve("node-api-headers/package.json"));

/** The package's own `binding.gyp` in one line: two sources, one shared library, Node-API version 8. */
const flags = ["-std=c++17", "-O2", "-shared", "-fPIC", "-DNAPI_VERSION=8"];
/** Relative, so that a cache can be copied into an image. */
const rpath = "-Wl,-rpath,$ORIGIN/../tensorflow";

/** What the addon is made of: another patch, header package or flag makes another addon beside the old one. */
function addonDigest(): string {
  const hash = createHash("sha256").update(JSON.stringify([flags, rpath]));
  for (const name of readdirSync(sourceDirectory).sort()) {
    hash.update(`\0${name}\0`).update(readFileSync(join(sourceDirectory, name)));
  }
  return hash
    .update(readFileSync(join(nodeApiDirectory, "package.json")))
    .digest("hex")
    .slice(0, 16);
}

/** Where the addon for this TensorFlow lies, or will lie. */
export function addonPath(tensorflowRoot: string): string {
  return join(tensorflowRoot, `addon-${addonDigest()}`, "tfjs_binding.node");
}

/**
 * Compiles the addon of tfjs-node-gpu against the libraries in `tensorflowRoot/tensorflow` and loads it once.
 *
 * Throws TOOL_MISSING without a compiler, COMPILE_FAILED, and TENSORFLOW_BROKEN when the result does not load.
 */
export async function ensureAddon(tensorflowRoot: string, log: Log): Promise<string> {
  const path = addonPath(tensorflowRoot);
  const fill = async (directory: string) => {
    const compiler = await findCompiler();
    log(`TensorFlow addon: compiling (${compiler.version})`);
    const libraries = join(tensorflowRoot, "tensorflow");
    const output = join(directory, "tfjs_binding.node");
    const [command = "", ...prefix] = compiler.command;
    const { status, stderr } = await runCommand(command, [
      ...prefix,
      ...flags,
      `-I${join(libraries, "include")}`,
      `-I${join(nodeApiDirectory, "include")}`,
      join(sourceDirectory, "tfjs_backend.cc"),
      join(sourceDirectory, "tfjs_binding.cc"),
      join(libraries, "libtensorflow_cc.so.2"),
      join(libraries, "libtensorflow_framework.so.2"),
      rpath,
      "-o",
      output,
    ]);
    if (status !== 0) throw compileFailed(command, stderr);
    await checkLoads(output);
  };
  await installOnce({ target: dirname(path), title: "TensorFlow addon", requiredBytes: 20_000_000, fill, log });
  return path;
}

/** Loads the addon in a process of its own: a library that does not suit this processor ends that one, not ours. */
async function checkLoads(path: string): Promise<void> {
  const env = { ...process.env, TF_CPP_MIN_LOG_LEVEL: "2" };
  const script = "process.stdout.write(require(process.argv[1]).TF_Version)";
  const { status, stdout, stderr } = await runCommand(process.execPath, ["-e", script, path], env);
  if (status === 0 && stdout !== "") return;
  throw new AnnealError(
    "TENSORFLOW_BROKEN",
    `TensorFlow was installed but does not load: ${status === null ? "the process was killed" : lastLines(stderr)}`,
    "TensorFlow needs a processor with AVX (x64) and glibc 2.27; `pnpm anneal doctor` shows what this machine has.",
    { addonPath: path },
  );
}

function compileFailed(command: string, stderr: string): AnnealError {
  const errors = stderr.split("\n").filter((line) => /error|undefined reference/i.test(line));
  return new AnnealError(
    "COMPILE_FAILED",
    `The TensorFlow addon did not compile with ${command}:\n${lastLines(errors.length > 0 ? errors.join("\n") : stderr)}`,
    "Use g++ 9 or newer, or clang++ 10 or newer (set CXX to choose one), then run `pnpm provision` again.",
    { compiler: command },
  );
}
