import type { Manifest, Violation, Workspace } from "../workspace.ts";

/** The rules over the `package.json` files: one version of everything, entry points by name. */
export function checkManifests(workspace: Workspace): Violation[] {
  const manifests = [
    // The platform packages that bring Node itself are named once, with their version, in the root alone.
    { file: "package.json", manifest: { ...workspace.rootManifest, optionalDependencies: {} } },
    ...workspace.packages.map(({ root, manifest }) => ({ file: `${root}/package.json`, manifest })),
  ];
  const internal = new Set(workspace.packages.map(({ name }) => name));
  return manifests.flatMap(({ file, manifest }) =>
    declared(manifest).flatMap(([name, version]) => {
      const expected = internal.has(name) ? "workspace:*" : "catalog:";
      return version === expected
        ? []
        : [{ rule: "catalog", file, message: `${name} is "${version}" instead of "${expected}"` }];
    }),
  );
}

function declared(manifest: Manifest): [string, string][] {
  const { dependencies, devDependencies, optionalDependencies, peerDependencies } = manifest;
  return [dependencies, devDependencies, optionalDependencies, peerDependencies].flatMap((group) =>
    Object.entries(group ?? {}),
  );
}
