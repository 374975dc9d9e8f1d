import { execFile } from "node:child_process";
import { mkdir, mkdtemp, rename, rm, stat, writeFile } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

const execute = promisify(execFile);
const version = "0.7.0";

/** Its native part needs nothing else, NumPy included. The wheels are for any CPython from 3.8 on glibc. */
const requirements = `safetensors==${version} \\
  --hash=sha256:dac7252938f0696ddea46f5e855dd3138444e82236e3be475f54929f0c510d48 \\
  --hash=sha256:e07d91d0c92a31200f25351f4acb2bc6aff7f48094e13ebb1d0fb995b54b6542
`;

/** Runs a Python program that may `import safetensors`, the format's reference implementation; returns its stdout. */
export async function runPython(program: string, ...args: readonly string[]): Promise<string> {
  const path = await installSafetensors();
  const { stdout } = await execute("python3", ["-c", program, ...args], {
    env: { ...process.env, PYTHONPATH: path, PYTHONDONTWRITEBYTECODE: "1" },
    maxBuffer: 1 << 26,
  });
  return stdout;
}

/** Fetched once into the cache that all clones share; visible there by a rename, so never half installed. */
async function installSafetensors(): Promise<string> {
  const cache = process.env.ANNEAL_CACHE || join(process.env.XDG_CACHE_HOME || join(homedir(), ".cache"), "anneal");
  const path = join(cache, `python-safetensors-${version}`);
  if (await exists(path)) return path;
  await mkdir(cache, { recursive: true });
  const temporary = await mkdtemp(`${path}.`);
  try {
    const file = join(temporary, "requirements.txt");
    await writeFile(file, requirements);
    const target = join(temporary, "packages");
    const options = [
      "--quiet",
      "--disable-pip-version-check",
      "--no-deps",
      "--only-binary",
      ":all:",
      "--require-hashes",
    ];
    await execute("python3", ["-m", "pip", "install", ...options, "--target", target, "-r", file]);
    await rename(target, path);
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
