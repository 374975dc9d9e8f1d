import { execFile } from "node:child_process";
import { mkdir, mkdtemp, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { cacheDirectory } from "@anneal/runtime";
import { litertPackages } from "../runtimes/litert-packages.ts";

const execute = promisify(execFile);

/** Versions of the Python packages that formats are checked with: their own tools. */
const packages = {
  onnx: ["onnx==1.23.2"],
  litert: litertPackages,
} as const;

/** Packages that are complete without what they say they need: the rest of it is for other uses. */
const withoutOthers: ReadonlySet<string> = new Set<keyof typeof packages>(["litert"]);

/** Runs a Python program that may import a package; returns what it prints. */
export async function runPython(name: keyof typeof packages, program: string, ...args: string[]): Promise<string> {
  const path = await installPackages(name);
  const { stdout } = await execute("python3", ["-c", program, ...args], {
    env: { ...process.env, PYTHONPATH: path, PYTHONDONTWRITEBYTECODE: "1" },
    maxBuffer: 1 << 26,
  });
  return stdout;
}

/** Fetched once into the cache that all clones share; visible there by a rename, so never half installed. */
export async function installPackages(name: keyof typeof packages): Promise<string> {
  const wanted = packages[name];
  const path = join(cacheDirectory(), `python-${wanted.join("-").replaceAll("==", "-")}`);
  if (await exists(path)) return path;
  await mkdir(cacheDirectory(), { recursive: true });
  const temporary = await mkdtemp(`${path}.`);
  try {
    const options = [
      ...["--quiet", "--disable-pip-version-check", "--only-binary", ":all:", "--target", temporary],
      ...(withoutOthers.has(name) ? ["--no-deps"] : []),
    ];
    await execute("python3", ["-m", "pip", "install", ...options, ...wanted]);
    await rename(temporary, path);
  } catch (error) {
    // Somebody else was quicker.
    if (!(await exists(path))) throw error;
  } finally {
    await rm(temporary, { recursive: true, force: true });
  }
  return path;
}

function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
