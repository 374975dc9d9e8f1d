import type { Edge, Project, ProjectGraph } from "../project-graph.ts";
import { tagValue, type Violation } from "../workspace.ts";
import { allowedRuntimes, allowedTypes, basePackage, isRuntime, isType, toolsForApps } from "./boundaries.ts";

/**
 * The rules over Nx's project graph: tags, direction of imports, no cycles.
 * `onlyTests` tells which edges come from tests and `devDependencies` alone: tests run on Node, so the runtime table
 * does not bind them.
 */
export function checkGraph(graph: ProjectGraph, onlyTests: (edge: Edge) => boolean = () => false): Violation[] {
  const projects = new Map(graph.projects.map((project) => [project.name, project]));
  const edges = graph.edges.map((edge) => ({
    source: projects.get(edge.source)!,
    target: projects.get(edge.target)!,
    edge,
  }));
  return [
    ...graph.projects.flatMap(checkTags),
    ...edges.flatMap(({ source, target }) => checkTypes(source, target)),
    ...edges.filter(({ edge }) => !onlyTests(edge)).flatMap(({ source, target }) => checkRuntimes(source, target)),
    ...edges.flatMap(({ source, target }) => checkBase(source, target)),
    ...findCycles(graph).map((cycle) =>
      violation("cycle", projects.get(cycle[0]!)!, `is on the cycle ${cycle.join(" -> ")}`),
    ),
  ];
}

function checkTags(project: Project): Violation[] {
  const violations: Violation[] = [];
  if (!isType(tagValue(project.tags, "type")))
    violations.push(violation("tags", project, "needs exactly one tag type:app, type:lib or type:tool"));
  if (!isRuntime(tagValue(project.tags, "runtime")))
    violations.push(violation("tags", project, "needs exactly one tag runtime:pure, workflow, node or browser"));
  return violations;
}

function checkTypes(source: Project, target: Project): Violation[] {
  const [from, to] = [tagValue(source.tags, "type"), tagValue(target.tags, "type")];
  if (!isType(from) || !isType(to) || allowedTypes[from].includes(to)) return [];
  if (from === "app" && toolsForApps.includes(target.name)) return [];
  return [violation("type-direction", source, `is type:${from} and depends on ${target.name}, which is type:${to}`)];
}

function checkRuntimes(source: Project, target: Project): Violation[] {
  const [from, to] = [tagValue(source.tags, "runtime"), tagValue(target.tags, "runtime")];
  if (!isRuntime(from) || !isRuntime(to) || allowedRuntimes[from].includes(to)) return [];
  return [
    violation("runtime-direction", source, `is runtime:${from} and depends on ${target.name}, which is runtime:${to}`),
  ];
}

function checkBase(source: Project, target: Project): Violation[] {
  if (source.name !== basePackage) return [];
  return [violation("base-package", source, `depends on ${target.name}, but everything depends on ${basePackage}`)];
}

/** Each cycle once, as the names on it, the first repeated at the end. */
function findCycles(graph: ProjectGraph): string[][] {
  const targets = new Map<string, string[]>();
  for (const { source, target } of graph.edges) targets.set(source, [...(targets.get(source) ?? []), target]);
  const cycles = new Map<string, string[]>();
  const done = new Set<string>();
  const visit = (name: string, path: readonly string[]) => {
    const start = path.indexOf(name);
    if (start >= 0) {
      const cycle = path.slice(start);
      cycles.set([...cycle].sort().join(" "), [...cycle, name]);
    }
    if (start >= 0 || done.has(name)) return;
    for (const target of targets.get(name) ?? []) visit(target, [...path, name]);
    done.add(name);
  };
  for (const { name } of graph.projects) visit(name, []);
  return [...cycles.values()];
}

function violation(rule: string, project: Project, message: string): Violation {
  const file = project.root === "." ? "package.json" : `${project.root}/package.json`;
  return { rule, file, message: `${project.name} ${message}` };
}
