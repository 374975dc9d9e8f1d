import {
  bytesOf,
  type Graph,
  memoryUseOf,
  type Node,
  opTable,
  sameType,
  sameValue,
  typeOf,
  type Value,
} from "@anneal/graph";

/** A piece of memory and the values that show it. */
export interface Buffer {
  /** What allocated it. */
  readonly owner: Value;
  readonly bytes: number;
  /** Values in it that somebody still needs. */
  numLive: number;
}

/**
 * Who holds which memory while the nodes of a graph run, by TensorFlow's rules: a value lives until its last consumer has
 * run; a view lives in the memory of what it shows; an op that can work in place takes the memory of an input that nobody
 * else needs. Constants, feeds and variables have memory that no node gives back, and that is not counted here.
 */
export class Buffers {
  /** Values that somebody still needs. */
  readonly #buffers = new Map<Node, (Buffer | undefined)[]>();
  readonly #uses = new Map<Node, number[]>();
  readonly #live = new Set<Buffer>();
  #bytes = 0;

  constructor(graph: Graph) {
    const use = ({ node, index }: Value) => {
      const uses = this.#usesOf(node);
      uses[index] = uses[index]! + 1;
    };
    for (const node of graph.nodes) node.inputs.forEach(use);
    // Given back to the caller, who takes them when everything has run.
    Object.values(graph.outputs).forEach(use);
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Memory that somebody needs now. */
  alive(): readonly Buffer[] {
    return [...this.#live];
  }

  /** Bytes that a node which can run now would take, and the memory that nobody needs once it has run. */
  effectOf(node: Node): { readonly takenBytes: number; readonly freed: readonly Buffer[] } {
    const { viewOf, inPlace, workspaceBytes } = memoryUseOf(node);
    const released = new Map<Buffer, number>();
    for (const [index, value] of node.inputs.entries()) {
      const buffer = this.#bufferOf(value);
      const isLastOfNode = !node.inputs.some((other, place) => place > index && sameValue(other, value));
      const numTaken = node.inputs.filter((other) => sameValue(other, value)).length;
      if (buffer === undefined || !isLastOfNode || this.#usesOf(value.node)[value.index] !== numTaken) continue;
      released.set(buffer, (released.get(buffer) ?? 0) + 1);
    }
    const taken = new Set<Buffer>();
    let takenBytes = 0;
    for (const [index, type] of node.outputs.entries()) {
      if (viewOf !== null || isKeptElsewhere(node)) break;
      const input = inPlace.find((place) => this.#canTake(node, place, index, taken));
      if (input === undefined) takenBytes += bytesOf(type) + (index === 0 ? workspaceBytes : 0);
      else taken.add(this.#bufferOf(node.inputs[input]!)!);
    }
    const shown = viewOf === null ? undefined : this.#bufferOf(node.inputs[viewOf]!);
    const freed = [...released].filter(
      ([buffer, count]) => buffer.numLive === count && !taken.has(buffer) && buffer !== shown,
    );
    return { takenBytes, freed: freed.map(([buffer]) => buffer) };
  }

  /** Gives the outputs of a node memory: of its inputs, or new. */
  begin(node: Node): void {
    const { viewOf, inPlace, workspaceBytes } = memoryUseOf(node);
    const shown = viewOf === null ? undefined : this.#bufferOf(node.inputs[viewOf]!);
    const taken = new Set<Buffer>();
    const buffers = node.outputs.map((type, index): Buffer | undefined => {
      if (isKeptElsewhere(node) || viewOf !== null) return shown;
      const free = inPlace.find((input) => this.#canTake(node, input, index, taken));
      const found = free === undefined ? undefined : this.#bufferOf(node.inputs[free]!);
      if (found !== undefined) taken.add(found);
      return found ?? this.#allocate({ node, index }, bytesOf(type) + (index === 0 ? workspaceBytes : 0));
    });
    this.#buffers.set(node, buffers);
    const uses = this.#usesOf(node);
    buffers.forEach((buffer, index) => {
      if (buffer !== undefined && uses[index]! > 0) buffer.numLive += 1;
    });
  }

  /** A node has run: what it took is released, and those of its outputs that nobody needs. */
  end(node: Node): void {
    for (const input of node.inputs) this.#release(input);
    const uses = this.#usesOf(node);
    this.#buffers.get(node)?.forEach((buffer, index) => {
      if (buffer !== undefined && uses[index] === 0) this.#freeIfUnused(buffer);
    });
  }

  /** Nobody but the node needs an input's memory, which is just what an output needs. */
  #canTake(node: Node, input: number, output: number, taken: ReadonlySet<Buffer>): boolean {
    const value = node.inputs[input]!;
    const buffer = this.#bufferOf(value);
    if (buffer === undefined || taken.has(buffer) || buffer.numLive !== 1) return false;
    return this.#usesOf(value.node)[value.index] === 1 && sameType(typeOf(value), node.outputs[output]!);
  }

  #allocate(owner: Value, bytes: number): Buffer {
    const buffer: Buffer = { owner, bytes, numLive: 0 };
    this.#live.add(buffer);
    this.#bytes += bytes;
    return buffer;
  }

  #release(value: Value): void {
    const uses = this.#usesOf(value.node);
    uses[value.index] = uses[value.index]! - 1;
    const buffer = this.#bufferOf(value);
    if (uses[value.index] !== 0 || buffer === undefined) return;
    buffer.numLive -= 1;
    this.#freeIfUnused(buffer);
  }

  #freeIfUnused(buffer: Buffer): void {
    if (buffer.numLive > 0 || !this.#live.delete(buffer)) return;
    this.#bytes -= buffer.bytes;
  }

  /** The memory that a node's inputs are in, each piece once. */
  takenBy(node: Node): ReadonlySet<Buffer> {
    return new Set(node.inputs.flatMap((value) => this.#bufferOf(value) ?? []));
  }

  #bufferOf({ node, index }: Value): Buffer | undefined {
    return this.#buffers.get(node)?.[index];
  }

  #usesOf(node: Node): number[] {
    const known = this.#uses.get(node) ?? node.outputs.map(() => 0);
    this.#uses.set(node, known);
    return known;
  }
}

/** Constants, feeds and handles of variables: what they hold is there before and after. */
function isKeptElsewhere({ op }: Node): boolean {
  return opTable[op]?.kind === "source" || op === "VarHandleOp";
}
