import { readProjectGraph } from "./project-graph.ts";
import { checkGraph } from "./rules/graph-rules.ts";
import { checkImports, onlyTestsImport } from "./rules/import-rules.ts";
import { checkManifests } from "./rules/manifest-rules.ts";
import { checkTexts } from "./rules/text-rules.ts";
import { readWorkspace, type Violation } from "./workspace.ts";

/** Every rule over the workspace at `root`, which is the one that this process was started in. */
export async function checkWorkspace(root: string): Promise<Violation[]> {
  const workspace = readWorkspace(root);
  const graph = await readProjectGraph(root);
  return [
    ...checkGraph(graph, ({ source, target }) => onlyTestsImport(workspace, source, target)),
    ...checkImports(workspace),
    ...checkManifests(workspace),
    ...checkTexts(workspace),
  ];
}
