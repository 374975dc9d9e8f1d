import { createProjectGraphAsync, workspaceRoot } from "@nx/devkit";

/** One project depends on another, as Nx found in its sources and its `package.json`. */
export interface Edge {
  readonly source: string;
  readonly target: string;
}

export interface Project {
  readonly name: string;
  readonly root: string;
  readonly tags: readonly string[];
}

export interface ProjectGraph {
  readonly projects: readonly Project[];
  readonly edges: readonly Edge[];
}

/**
 * Nx's own graph of the workspace that the process was started in, without the packages from registries.
 * Nx fixes its workspace root when it is loaded: to look at another workspace, start a process there.
 */
export async function readProjectGraph(expectedRoot: string): Promise<ProjectGraph> {
  if (workspaceRoot !== expectedRoot) throw new Error(`Nx looks at ${workspaceRoot} instead of ${expectedRoot}`);
  const graph = await createProjectGraphAsync({ exitOnError: false });
  const projects = Object.values(graph.nodes).map(({ name, data }) => ({
    name,
    root: data.root,
    tags: data.tags ?? [],
  }));
  const edges = Object.values(graph.dependencies)
    .flat()
    .filter((edge) => edge.target in graph.nodes && edge.source in graph.nodes && edge.source !== edge.target)
    .map(({ source, target }) => ({ source, target }));
  return { projects, edges };
}
