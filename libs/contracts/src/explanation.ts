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

/** A tensor that is in memory when most is. */
export interface ExplainedTensor {
  readonly op: string;
  readonly part: string;
  readonly phase: StepPhase;
  /** Such as `float32[128,256]`. */
  readonly type: string;
  readonly bytes: number;
}

/** Memory that a step takes, as the compiler predicts it from the types of the graph: nothing of it is measured. */
export interface ExplainedMemory {
  /** Most that is alive at once while the step runs, without what follows. */
  readonly peakBytes: number;
  /** Variables of model and optimizer, and constants. */
  readonly residentBytes: number;
  /** The batch. */
  readonly fedBytes: number;
  readonly numNodes: number;
  /** What is alive at the peak, largest first. */
  readonly alive: readonly ExplainedTensor[];
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
  readonly memory: ExplainedMemory;
  readonly parts: readonly ExplainedPart[];
  /** Most expensive first. */
  readonly nodes: readonly ExplainedNode[];
  /** The graph as TensorFlow's `GraphDef`. */
  readonly graphDef: Uint8Array;
}
