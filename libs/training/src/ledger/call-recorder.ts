import type { FeedValues, GraphSession, NodeRun, SessionFunction, Signature } from "@anneal/runtime";

/** Makes calls of a session that the runtime records while it is asked to. */
export class CallRecorder {
  #calls: (readonly NodeRun[])[] | null = null;

  bind(session: GraphSession, signature: Signature): SessionFunction {
    const run = session.bind(signature);
    const traced = session.bindTraced(signature);
    return (feeds: readonly FeedValues[]) => {
      if (this.#calls === null) return run(feeds);
      const { outputs, nodes } = traced(feeds);
      this.#calls.push(nodes);
      return outputs;
    };
  }

  /** What ran meanwhile, call by call. */
  record<T>(work: () => T): { readonly result: T; readonly calls: readonly (readonly NodeRun[])[] } {
    const calls: (readonly NodeRun[])[] = [];
    this.#calls = calls;
    try {
      return { result: work(), calls };
    } finally {
      this.#calls = null;
    }
  }
}
