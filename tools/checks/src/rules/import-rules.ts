import { isBuiltin } from "node:module";
import { posix } from "node:path";
import { type Import, importsOf, packageOf } from "../imports.ts";
import { isTestFile, type Package, tagValue, type Violation, type Workspace } from "../workspace.ts";
import { allowedExternals, isRuntime } from "./boundaries.ts";

interface SourceFile {
  readonly file: string;
  readonly owner: Package;
  readonly isTest: boolean;
  readonly imports: readonly Import[];
}

type ImportRule = (
  source: SourceFile,
  used: Import,
  workspace: Workspace,
) => { rule: string; message: string } | undefined;

/** The rules over every import of every TypeScript file in the packages. */
export function checkImports(workspace: Workspace): Violation[] {
  return sourceFiles(workspace).flatMap((source) =>
    source.imports.flatMap((used) =>
      importRules.flatMap((rule) => {
        const broken = rule(source, used, workspace);
        return broken === undefined
          ? []
          : [{ rule: broken.rule, file: `${source.file}:${used.line}`, message: broken.message }];
      }),
    ),
  );
}

/** Whether only the tests of package `source` import `target`, which it declares for development at most. */
export function onlyTestsImport(workspace: Workspace, source: string, target: string): boolean {
  const owner = workspace.packages.find((candidate) => candidate.name === source);
  if (owner === undefined || target in (owner.manifest.dependencies ?? {})) return false;
  return sourceFiles(workspace)
    .filter((file) => file.owner === owner && !file.isTest)
    .every((file) => file.imports.every((used) => packageOf(used.specifier) !== target));
}

const importRules: readonly ImportRule[] = [leavesItsPackage, deepImport, undeclared, nodeBuiltin, externalOutsideNode];

function leavesItsPackage({ file, owner }: SourceFile, used: Import, workspace: Workspace): ReturnType<ImportRule> {
  if (!used.specifier.startsWith(".")) return undefined;
  const path = posix.join(posix.dirname(file), used.specifier);
  if (path.startsWith(`${owner.root}/`)) return undefined;
  const other = workspace.packages.find(({ root }) => path.startsWith(`${root}/`));
  // A file outside of every package (a fixture, the README) may be read; only another package's inside is closed.
  if (other === undefined && used.kind === "file") return undefined;
  // An app or a tool may start another package as a process of its own.
  const isStarted = used.kind === "file" && path.endsWith("/src/main.ts") && tagOf(owner, "type") !== "lib";
  if (isStarted) return undefined;
  return {
    rule: "deep-import",
    message: `${used.specifier} reaches into ${other?.name ?? "a folder outside of every package"}: import the package by name`,
  };
}

function deepImport(_source: SourceFile, used: Import, workspace: Workspace): ReturnType<ImportRule> {
  const name = used.kind === "file" ? undefined : packageOf(used.specifier);
  const target = workspace.packages.find((candidate) => candidate.name === name);
  if (target === undefined || name === undefined) return undefined;
  const entry = `.${used.specifier.slice(name.length)}`;
  const { exports: offered = {} } = target.manifest;
  const entries = typeof offered === "string" ? ["."] : Object.keys(offered);
  if (entries.includes(entry)) return undefined;
  return { rule: "deep-import", message: `${used.specifier} is not among the exports of ${name}` };
}

function undeclared({ owner, isTest }: SourceFile, used: Import, workspace: Workspace): ReturnType<ImportRule> {
  const name = used.kind === "file" || isBuiltin(used.specifier) ? undefined : packageOf(used.specifier);
  if (name === undefined || name === owner.name) return undefined;
  const { dependencies, optionalDependencies, peerDependencies, devDependencies } = owner.manifest;
  // What runs must be in `dependencies`; tests and types may also come from `devDependencies`, the workspace's too.
  const forDevelopment =
    isTest || used.kind === "types" ? { ...devDependencies, ...workspace.rootManifest.devDependencies } : {};
  if (name in { ...dependencies, ...optionalDependencies, ...peerDependencies, ...forDevelopment }) return undefined;
  return { rule: "undeclared", message: `${name} is not in the dependencies of ${owner.root}/package.json` };
}

function nodeBuiltin({ owner, isTest }: SourceFile, used: Import): ReturnType<ImportRule> {
  const runtime = tagOf(owner, "runtime");
  if (isTest || used.kind === "file" || runtime === "node" || !isBuiltin(used.specifier)) return undefined;
  return { rule: "node-builtin", message: `${owner.name} is runtime:${runtime} and imports ${used.specifier}` };
}

function externalOutsideNode(
  { owner, isTest }: SourceFile,
  used: Import,
  workspace: Workspace,
): ReturnType<ImportRule> {
  const runtime = tagOf(owner, "runtime");
  const name = used.kind === "file" || isBuiltin(used.specifier) ? undefined : packageOf(used.specifier);
  if (isTest || name === undefined || !isRuntime(runtime) || runtime === "node") return undefined;
  if (workspace.packages.some((candidate) => candidate.name === name) || allowedExternals[runtime].includes(name))
    return undefined;
  return { rule: "external-outside-node", message: `${owner.name} is runtime:${runtime} and imports ${name}` };
}

function tagOf(owner: Package, dimension: string): string | undefined {
  return tagValue(owner.manifest.nx?.tags ?? [], dimension);
}

const parsed = new WeakMap<Workspace, SourceFile[]>();

function sourceFiles(workspace: Workspace): SourceFile[] {
  const known = parsed.get(workspace);
  if (known !== undefined) return known;
  const files = workspace.packages.flatMap((owner) =>
    owner.files
      .filter((file) => file.endsWith(".ts"))
      .map((file) => ({ file, owner, isTest: isTestFile(file), imports: importsOf(file, workspace.read(file)) })),
  );
  parsed.set(workspace, files);
  return files;
}
