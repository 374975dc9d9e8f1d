import { createHash } from "node:crypto";

/** What a module of the person's own is called, by its URL: wherever a run keeps its copy of it, the same. */
export type NameOfModule = (url: string) => string;

const ownModules = new URL(".", import.meta.url).href;
const packages = "/node_modules/";

/** What a transform's module is called, the same on each machine: those of Anneal and of packages by their places in these. */
export function moduleName(url: string, nameOfOwn: NameOfModule): string {
  if (url.startsWith("data:")) return `sha256:${createHash("sha256").update(url).digest("hex")}`;
  if (url.startsWith(ownModules)) return `anneal/${url.slice(ownModules.length)}`;
  const inPackage = url.lastIndexOf(packages);
  return inPackage < 0 ? nameOfOwn(url) : url.slice(inPackage + packages.length);
}
