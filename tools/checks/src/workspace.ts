import { execFileSync } from "node:child_process";
import { existsSync, globSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** One broken rule. `file` is relative to the workspace root. */
export interface Violation {
  readonly rule: string;
  readonly file: string;
  readonly message: string;
}

type Dependencies = Readonly<Record<string, string>>;

/** The fields of a `package.json` that the rules read. */
export interface Manifest {
  readonly name: string;
  readonly exports?: string | Readonly<Record<string, unknown>>;
  readonly nx?: { readonly tags?: readonly string[] };
  readonly dependencies?: Dependencies;
  readonly devDependencies?: Dependencies;
  readonly optionalDependencies?: Dependencies;
  readonly peerDependencies?: Dependencies;
}

export interface Package {
  readonly name: string;
  /** Relative to the workspace root: `libs/data`. */
  readonly root: string;
  readonly manifest: Manifest;
  /** Its files, relative to the workspace root. */
  readonly files: readonly string[];
}

export interface Workspace {
  readonly root: string;
  readonly rootManifest: Manifest;
  readonly packages: readonly Package[];
  /** Every committed or committable file, relative to the workspace root. */
  readonly files: readonly string[];
  /** The text of one of `files`. */
  readonly read: (file: string) => string;
}

/** Reads the workspace at `root`: its packages, and its files as git sees them (all files where there is no git). */
export function readWorkspace(root: string): Workspace {
  const read = (file: string) => readFileSync(join(root, file), "utf8");
  const readManifest = (file: string) => JSON.parse(read(file)) as Manifest;
  const files = listFiles(root);
  const packages = files
    .filter((file) => /^(apps|libs|tools|tests)\/[^/]+\/package\.json$/.test(file))
    .map((file) => {
      const manifest = readManifest(file);
      const packageRoot = file.slice(0, -"/package.json".length);
      const own = files.filter((candidate) => candidate.startsWith(`${packageRoot}/`));
      return { name: manifest.name, root: packageRoot, manifest, files: own };
    });
  return { root, rootManifest: readManifest("package.json"), packages, files, read };
}

/** Whether a file holds tests or only serves them; tests run on Node, whatever their package runs on. */
export function isTestFile(file: string): boolean {
  return /\.test\.ts$|(^|\/)(tests?|test-support)\//.test(file);
}

/** The value of a tag such as `type:lib`; undefined unless there is exactly one of that dimension. */
export function tagValue(tags: readonly string[], dimension: string): string | undefined {
  const values = tags.filter((tag) => tag.startsWith(`${dimension}:`)).map((tag) => tag.slice(dimension.length + 1));
  return values.length === 1 ? values[0] : undefined;
}

// The fixtures are workspaces of their own, made to break the rules.
const fixtures = "tools/checks/fixtures/";

function listFiles(root: string): string[] {
  const files =
    gitFiles(root) ?? globSync("**/*", { cwd: root, exclude: isGenerated }).filter((file) => /\.\w+$/.test(file));
  return files.filter((file) => !file.startsWith(fixtures) && existsSync(join(root, file))).sort();
}

function gitFiles(root: string): string[] | undefined {
  try {
    const output = execFileSync("git", ["ls-files", "-z", "--cached", "--others", "--exclude-standard"], {
      cwd: root,
      encoding: "utf8",
      stdio: ["ignore", "pipe", "ignore"],
      maxBuffer: 64 << 20,
    });
    return [...new Set(output.split("\0").filter(Boolean))];
  } catch {
    return undefined; // no git here, or not a repository: a source archive
  }
}

function isGenerated(path: string): boolean {
  return /(^|\/)(node_modules|\.git|\.nx|\.anneal|test-results)$/.test(path);
}
