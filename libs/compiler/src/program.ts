import type { PassReport } from "@anneal/contracts";
import {
  encodeGraph,
  encodeSavedModel,
  type Graph,
  makeGraph,
  makeValue,
  typeAttribute,
  typeOf,
  type Value,
} from "@anneal/graph";
import type { Feed, Signature } from "@anneal/runtime";
import type { Pass } from "./passes/pass.ts";
import { runPasses } from "./passes/run-passes.ts";

/** One way to call a program. */
export interface Entry {
  /** Placeholders, in the order in which their values will be given. */
  readonly feeds: readonly Value[];
  /** float32 or int32 values, in the order in which they will be returned. */
  readonly fetches: readonly Value[];
}

/** Entries over the same variables: they share one graph, since variables live in a session. */
export type Entries<Name extends string> = Readonly<Record<Name, Entry>>;

export interface CompiledProgram<Name extends string> {
  /** The graph as TensorFlow's `GraphDef`. */
  readonly graphDef: Uint8Array;
  /** What a `GraphSession` loads. */
  readonly savedModel: Uint8Array;
  readonly signatures: Readonly<Record<Name, Signature>>;
  readonly graph: Graph;
  readonly passes: readonly PassReport[];
}

/** Compiles entries to one graph. */
export function compileProgram<Name extends string>(
  entries: Entries<Name>,
  passes: readonly Pass[],
): CompiledProgram<Name> {
  const named = Object.entries<Entry>(entries);
  const outputs = named.flatMap(([name, { fetches }]) =>
    fetches.map((value, index) => [`${name}/${index}`, value] as const),
  );
  const { graph: rewritten, records } = runPasses(makeGraph(Object.fromEntries(outputs)), passes);
  const graph = makeGraph(
    Object.fromEntries(Object.entries(rewritten.outputs).map(([name, value]) => [name, fetchable(value)])),
  );
  const { bytes, nameOf } = encodeGraph(withFeeds(graph, named));
  const signatures = named.map(([name, { feeds, fetches }]) => [
    name,
    {
      feeds: feeds.map((value): Feed => ({ ...feedType(value), name: `${value.node.name}:0` })),
      fetches: fetches.map((_, index) => nameOf(graph.outputs[`${name}/${index}`]!)),
    },
  ]);
  return {
    graphDef: bytes,
    savedModel: encodeSavedModel(bytes),
    signatures: Object.fromEntries(signatures),
    graph,
    passes: records,
  };
}

/** TensorFlow does not return what it was fed. */
function fetchable(value: Value): Value {
  if (value.node.op !== "Placeholder") return value;
  return makeValue("Identity", [value], typeAttribute("T", typeOf(value).dtype));
}

/** A placeholder that nothing needs is fed all the same: a model may ignore its labels. */
function withFeeds(graph: Graph, entries: readonly (readonly [string, Entry])[]): Graph {
  const known = new Set(graph.nodes);
  const unused = entries.flatMap(([, { feeds }]) => feeds).filter(({ node }) => !known.has(node));
  return { outputs: graph.outputs, nodes: [...new Set(unused.map(({ node }) => node)), ...graph.nodes] };
}

function feedType(value: Value): Omit<Feed, "name"> {
  const { dtype, shape } = typeOf(value);
  if (dtype !== "float32" && dtype !== "int32" && dtype !== "uint8") throw new RangeError(`a feed cannot be ${dtype}`);
  return { dtype, shape };
}
