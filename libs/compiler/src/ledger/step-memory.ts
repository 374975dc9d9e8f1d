import type { LedgerTensors, TensorClass } from "@anneal/contracts";
import { type Dtype, dtypeNumbers } from "@anneal/graph";
import type { Allocation, NodeRun, RunOutput } from "@anneal/runtime";
import { gradientPrefix } from "../trace/trace-backend.ts";
import { dtypeName } from "./dtype-name.ts";

/** What a recorded run held. */
export interface StepMemory {
  /** Without variables and feeds, which are not the run's own. By class and number format, largest at the peak first. */
  readonly tensors: readonly LedgerTensors[];
  /** Nodes of the variables, by name, that the run computed with copies in 16 bits of. */
  readonly copiedVariables: ReadonlySet<string>;
}

/** A piece of memory, from when it was taken until it was given back. */
interface Buffer {
  readonly class: TensorClass;
  readonly dtype: string;
  readonly numBytes: number;
  readonly startMicros: number;
  endMicros: number;
  /** Whether the runtime itself says when it was given back; others live until the last node that takes them has ended. */
  readonly isRecorded: boolean;
  readonly address: number;
  /** Whose memory it is where it is not the run's: a variable's node, or "" for a feed. */
  readonly owner: string | null;
}

/** Ops that hand on memory of others: of variables and feeds. */
const borrowing: ReadonlySet<string> = new Set(["ReadVariableOp", "_Arg", "VarHandleOp"]);
const halves: ReadonlySet<number> = new Set([dtypeNumbers.bfloat16, dtypeNumbers.float16]);
/** TensorFlow rounds what it takes up to whole lines. */
const largestRoundingBytes = 4_096;

/**
 * The memory of one recorded run. Large pieces come from the runtime's own account of what it took and gave back;
 * of small ones, which it does not keep, it is told by who takes them: they live from the kernel that makes them to the
 * last one that reads them, and an output at the address of an input is that input's memory.
 */
export function measureMemory(nodes: readonly NodeRun[]): StepMemory {
  const ordered = [...nodes].sort((a, b) => a.startMicros - b.startMicros);
  const buffers: Buffer[] = [];
  const bufferOf = new Map<string, Buffer>();
  const copiedVariables = new Set<string>();
  for (const node of ordered) {
    const taken = node.inputs.flatMap((input) => bufferOf.get(input) ?? []);
    for (const buffer of taken) {
      if (!buffer.isRecorded) buffer.endMicros = Math.max(buffer.endMicros, node.endMicros);
    }
    const spans = pairAllocations(node.allocations);
    const variable = node.op === "Cast" ? taken.find(({ owner }) => owner)?.owner : null;
    for (const output of node.outputs) {
      const span = takeRecorded(spans, output);
      const shared = taken.find(({ address }) => address !== 0 && address === output.address);
      const isCopy = variable != null && halves.has(output.dtype);
      if (isCopy) copiedVariables.add(variable);
      const buffer = span === null && shared ? shared : makeBuffer(node, output, span, isCopy);
      if (buffer !== shared) buffers.push(buffer);
      bufferOf.set(output.slot === 0 ? node.name : `${node.name}:${output.slot}`, buffer);
    }
    for (const span of spans) buffers.push({ ...workspaceOf(node), ...span });
  }
  return { tensors: summarize(buffers.filter(({ owner }) => owner === null)), copiedVariables };
}

interface Span {
  readonly numBytes: number;
  readonly startMicros: number;
  readonly endMicros: number;
}

/** What a node took, each with when it was given back: what never was lives to the end of the run. */
function pairAllocations(records: readonly Allocation[]): Span[] {
  const open: { numBytes: number; startMicros: number; endMicros: number }[] = [];
  for (const { atMicros, numBytes } of [...records].sort((a, b) => a.atMicros - b.atMicros)) {
    if (numBytes > 0) {
      open.push({ numBytes, startMicros: atMicros, endMicros: Number.POSITIVE_INFINITY });
      continue;
    }
    const taken = open.find((span) => span.numBytes === -numBytes && span.endMicros === Number.POSITIVE_INFINITY);
    if (taken !== undefined) taken.endMicros = atMicros;
  }
  return open;
}

/** Of what a node took, the piece that an output lies in; it is no longer among the others then. */
function takeRecorded(spans: Span[], { numBytes }: RunOutput): Span | null {
  const fits = spans.filter((span) => span.numBytes >= numBytes && span.numBytes - numBytes < largestRoundingBytes);
  const [best] = fits.sort((a, b) => a.numBytes - b.numBytes);
  if (best === undefined || numBytes === 0) return null;
  spans.splice(spans.indexOf(best), 1);
  return best;
}

function makeBuffer(node: NodeRun, output: RunOutput, span: Span | null, isCopy: boolean): Buffer {
  const isConstant = node.op === "Const";
  return {
    class: isCopy ? "weights" : isConstant ? "workspace" : classOf(node),
    dtype: dtypeName(output.dtype),
    numBytes: span?.numBytes ?? output.numBytes,
    startMicros: isConstant ? Number.NEGATIVE_INFINITY : (span?.startMicros ?? node.startMicros),
    endMicros: isConstant ? Number.POSITIVE_INFINITY : (span?.endMicros ?? node.endMicros),
    isRecorded: span !== null,
    address: output.address,
    owner: borrowing.has(node.op) ? ownerOf(node) : null,
  };
}

/** A variable's own node reads nothing; what reads it names it. */
function ownerOf({ op, name, inputs }: NodeRun): string {
  if (op === "VarHandleOp") return name;
  return op === "ReadVariableOp" ? (inputs[0] ?? "") : "";
}

function workspaceOf({ outputs: [output] }: NodeRun) {
  const dtype = output === undefined ? ("uint8" satisfies Dtype) : dtypeName(output.dtype);
  return { class: "workspace", dtype, isRecorded: true, address: 0, owner: null } as const;
}

function classOf({ name }: NodeRun): TensorClass {
  return name.startsWith(gradientPrefix) ? "gradients" : "activations";
}

/** The most that each class and format takes, and what it takes when all of them together take the most. */
function summarize(buffers: readonly Buffer[]): readonly LedgerTensors[] {
  const { peakMicros } = peakOf(buffers);
  return [...Map.groupBy(buffers, (buffer) => `${buffer.class} ${buffer.dtype}`).values()]
    .map((own) => {
      const alive = own.filter(({ startMicros, endMicros }) => startMicros <= peakMicros && endMicros > peakMicros);
      return {
        class: own[0]!.class,
        dtype: own[0]!.dtype,
        numBytes: peakOf(own).numBytes,
        bytesAtPeak: alive.reduce((sum, { numBytes }) => sum + numBytes, 0),
      };
    })
    .filter(({ numBytes }) => numBytes > 0)
    .sort((a, b) => b.bytesAtPeak - a.bytesAtPeak);
}

function peakOf(buffers: readonly Buffer[]): { readonly numBytes: number; readonly peakMicros: number } {
  const events = buffers.flatMap((buffer) => [
    { atMicros: buffer.startMicros, change: buffer.numBytes },
    { atMicros: buffer.endMicros, change: -buffer.numBytes },
  ]);
  // What is given back at a moment makes room for what is taken at the same one.
  events.sort((a, b) => (a.atMicros === b.atMicros ? a.change - b.change : a.atMicros - b.atMicros));
  let [live, numBytes, peakMicros] = [0, 0, 0];
  for (const { atMicros, change } of events) {
    live += change;
    if (live > numBytes) [numBytes, peakMicros] = [live, atMicros];
  }
  return { numBytes, peakMicros };
}
