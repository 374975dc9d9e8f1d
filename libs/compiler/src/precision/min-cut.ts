/** A directed edge: cutting it costs `capacity`. Infinity: never. */
export interface Edge {
  readonly from: number;
  readonly to: number;
  readonly capacity: number;
}

/**
 * Which vertices are on the source's side of the cheapest cut between source and sink, by vertex. Of several such cuts the one with
 * the fewest vertices there. Dinic's algorithm (Dinitz 1970): shortest augmenting paths, level by level.
 *
 * @param edges capacities from 0; every path from source to sink has a finite one
 */
export function minimumCut(numVertices: number, edges: readonly Edge[], source: number, sink: number): Uint8Array {
  const network = new Network(numVertices, edges);
  while (network.level(source)[sink]! >= 0) network.saturate(source, sink);
  // What can still be reached is on the source's side.
  return Uint8Array.from(network.level(source), (level) => (level >= 0 ? 1 : 0));
}

/** Capacities below this are what floating-point subtraction left. */
const epsilon = 1e-9;

class Network {
  /** Arc `2i` is edge `i`, arc `2i + 1` its way back. */
  readonly #heads: Int32Array;
  readonly #residual: Float64Array;
  /** Arcs out of vertex v: `#arcs[#starts[v]]` to `#arcs[#starts[v + 1] - 1]`. */
  readonly #starts: Int32Array;
  readonly #arcs: Int32Array;
  readonly #levels: Int32Array;

  constructor(numVertices: number, edges: readonly Edge[]) {
    this.#heads = Int32Array.from(edges.flatMap(({ from, to }) => [to, from]));
    this.#residual = Float64Array.from(edges.flatMap(({ capacity }) => [capacity, 0]));
    const tails = Int32Array.from(edges.flatMap(({ from, to }) => [from, to]));
    this.#starts = new Int32Array(numVertices + 1);
    for (const tail of tails) this.#starts[tail + 1]! += 1;
    for (let vertex = 0; vertex < numVertices; vertex++) this.#starts[vertex + 1]! += this.#starts[vertex]!;
    this.#arcs = new Int32Array(tails.length);
    const next = this.#starts.slice();
    for (const [arc, tail] of tails.entries()) this.#arcs[next[tail]!++] = arc;
    this.#levels = new Int32Array(numVertices);
  }

  /** Number of arcs from `source` to each vertex over what is left; -1 where none leads there. */
  level(source: number): Int32Array {
    const levels = this.#levels.fill(-1);
    levels[source] = 0;
    const queue = [source];
    for (const vertex of queue) {
      for (let place = this.#starts[vertex]!; place < this.#starts[vertex + 1]!; place++) {
        const arc = this.#arcs[place]!;
        const head = this.#heads[arc]!;
        if (this.#residual[arc]! <= epsilon || levels[head]! >= 0) continue;
        levels[head] = levels[vertex]! + 1;
        queue.push(head);
      }
    }
    return levels;
  }

  /** Pushes flow along shortest paths until none is left. Without recursion: a path can be as long as the graph. */
  saturate(source: number, sink: number): void {
    const next = this.#starts.slice();
    const path: number[] = [];
    let vertex = source;
    for (;;) {
      if (vertex === sink) {
        const flow = path.reduce((least, arc) => Math.min(least, this.#residual[arc]!), Number.POSITIVE_INFINITY);
        for (const arc of path) this.#push(arc, flow);
        const firstFull = path.findIndex((arc) => this.#residual[arc]! <= epsilon);
        vertex = this.#heads[path[firstFull]! ^ 1]!;
        path.length = firstFull;
        continue;
      }
      const arc = this.#nextArc(vertex, next);
      if (arc >= 0) {
        path.push(arc);
        vertex = this.#heads[arc]!;
      } else {
        const last = path.pop();
        if (last === undefined) return;
        vertex = this.#heads[last ^ 1]!;
        next[vertex]! += 1;
      }
    }
  }

  #nextArc(vertex: number, next: Int32Array): number {
    for (; next[vertex]! < this.#starts[vertex + 1]!; next[vertex]! += 1) {
      const arc = this.#arcs[next[vertex]!]!;
      const isDeeper = this.#levels[this.#heads[arc]!] === this.#levels[vertex]! + 1;
      if (isDeeper && this.#residual[arc]! > epsilon) return arc;
    }
    return -1;
  }

  #push(arc: number, flow: number): void {
    this.#residual[arc]! -= flow;
    this.#residual[arc ^ 1]! += flow;
  }
}
