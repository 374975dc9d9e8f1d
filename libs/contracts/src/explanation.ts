/** What a node of a compiled step is for. */
export const stepPhases = ["forward", "backward", "update"] as const;
export type StepPhase = (typeof stepPhases)[number];

/** What a pass of the compiler did. */
export interface PassReport {
  readonly name: string;
  readonly milliseconds: number;
  readonly numNodesBefore: number;
  readonly numNodesAfter: number;
}

/** A node as TensorFlow ran it: its own optimizations have fused or added some. */
export interface ExplainedNode {
  readonly name: string;
  readonly op: string;
  /** The layer, or another part of the step such as "loss"; empty when it belongs to none. */
  readonly part: string;
  readonly phase: StepPhase;
  /** Fastest of the measured runs. */
  readonly microseconds: number;
}

/** A part of the step in the order of the forward pass. */
export interface ExplainedPart {
  readonly name: string;
  /** Type of what it hands on, such as `float32[128,256]`; null when nothing is known. */
  readonly output: string | null;
  readonly numNodes: Readonly<Record<StepPhase, number>>;
  readonly microseconds: Readonly<Record<StepPhase, number>>;
}

/** A compiled training step, opened: what `anneal explain` shows. */
export interface StepExplanation {
  readonly batchSize: number;
  readonly numParameters: number;
  /** From the recipe to a graph that can run. */
  readonly compileMilliseconds: number;
  /** Median of the measured steps, on a batch that was made up. */
  readonly stepMilliseconds: number;
  readonly passes: readonly PassReport[];
  readonly parts: readonly ExplainedPart[];
  /** Most expensive first. */
  readonly nodes: readonly ExplainedNode[];
  /** The graph as TensorFlow's `GraphDef`. */
  readonly graphDef: Uint8Array;
}
