import type { Graph, Node } from "@anneal/graph";
import { dependenciesOf } from "./dependencies.ts";
import { estimateMicroseconds, isExpensive } from "./durations.ts";

/** What happens when a graph runs: a node begins, a node has ended. */
export interface ExecutorEvents {
  readonly begin: (node: Node) => void;
  readonly end: (node: Node) => void;
}

/**
 * Runs a graph on paper, with so many threads, as TensorFlow's executor does (`common_runtime/executor.cc`, TensorFlow 2.21): a
 * node is ready once all that it needs has run; the thread that made it ready runs it next, unless it has several long ones, of
 * which the others go to whoever is free. How long a node takes is estimated, so that this is one of the orders that can happen.
 *
 * @param numThreads ops that run at the same time
 */
export function simulateExecutor(graph: Graph, numThreads: number, { begin, end }: ExecutorEvents): void {
  const { successors, numWaiting } = dependenciesOf(graph);
  const threads = Array.from({ length: numThreads }, (): Thread => ({ own: [], offered: [], running: null, until: 0 }));
  const [first] = threads as [Thread, ...Thread[]];
  let now = 0;
  const makeReady = (ready: readonly Node[], thread: Thread): void => {
    const long = ready.filter(isExpensive);
    thread.own.push(...ready.filter((node) => !isExpensive(node)));
    // The last of several long ones, if there is nothing else to run.
    if (thread.own.length === 0) thread.own.push(...long.splice(-1));
    for (const node of long) thread.offered.unshift(node);
  };
  makeReady(
    graph.nodes.filter((node) => numWaiting.get(node) === 0),
    first,
  );
  for (;;) {
    for (const thread of threads) {
      if (thread.running !== null) continue;
      const node = thread.own.shift() ?? thread.offered.shift() ?? steal(threads);
      if (node === undefined) continue;
      thread.running = node;
      thread.until = now + estimateMicroseconds(node);
      begin(node);
    }
    const busy = threads.filter(({ running }) => running !== null);
    if (busy.length === 0) return;
    const next = busy.reduce((soonest, thread) => (thread.until < soonest.until ? thread : soonest));
    now = next.until;
    const node = next.running!;
    next.running = null;
    end(node);
    const ready = (successors.get(node) ?? []).filter((successor) => {
      const left = numWaiting.get(successor)! - 1;
      numWaiting.set(successor, left);
      return left === 0;
    });
    makeReady(ready, next);
  }
}

interface Thread {
  /** Runs these one after another. */
  readonly own: Node[];
  /** Runs these, too, where nobody else does. */
  readonly offered: Node[];
  running: Node | null;
  until: number;
}

/** The oldest of what another thread offers. */
function steal(threads: readonly Thread[]): Node | undefined {
  return threads.find(({ offered }) => offered.length > 0)?.offered.pop();
}
