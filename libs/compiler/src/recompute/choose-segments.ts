import type { Node } from "@anneal/graph";
import { estimateMicroseconds } from "../memory/durations.ts";
import type { ForwardBuffer } from "./forward-values.ts";

/** A piece of the forward pass, from where the one before it ends. */
export interface Segment {
  /** How many nodes of the forward pass are in it and in those before it. */
  readonly end: number;
  /**
   * Pieces of it. Where there are any, computing the segment again keeps what crosses from one to the next, and all but the last are
   * computed once more from that.
   */
  readonly inner: readonly Segment[];
}

/** What the forward pass does with memory. */
export interface ForwardMemory {
  readonly forward: readonly Node[];
  readonly buffers: readonly ForwardBuffer[];
  /** Places before which no border may be. */
  readonly fused: ReadonlySet<number>;
}

/** Borders that are tried: where the least crosses, one in each of so many parts of equal memory. */
const maxBorders = 64;
/** A plan whose peak is larger by less than this share is as good: then the one that takes less time. */
const tolerance = 0.02;
/** How often a node may be computed again. */
const maxDepth = 2;

/**
 * Cuts the forward pass into at most so many pieces so that the backward pass needs as little memory at once as possible.
 *
 * Of each piece only what later ones take is kept; when the backward pass comes to it, it is computed again from what earlier ones
 * have left. Going backward, what earlier pieces have left is all that is still kept, so that the first may be the largest, and may
 * itself be done in pieces (Griewank and Walther 2000, "Revolve", for chains of equal steps; here by dynamic programming over what
 * crosses each border and what lies between two, since steps differ and values skip layers).
 */
export function chooseSegments({ forward, buffers, fused }: ForwardMemory, numSegments: number): readonly Segment[] {
  const borders = chooseBorders(forward.length, buffers, fused);
  const costs = intervalCosts(forward, buffers, borders);
  const best = planner(costs, borders.length - 1);
  return toSegments(best(0, borders.length - 1, Math.min(numSegments, borders.length - 1), maxDepth), borders);
}

/** Bytes and microseconds of a piece between two borders. */
interface IntervalCosts {
  /** Made in it and taken by later pieces. */
  readonly crossing: (from: number, to: number) => number;
  /** Made in it and taken by the backward pass, but for what crosses. */
  readonly needed: (from: number, to: number) => number;
  readonly time: (from: number, to: number) => number;
}

interface Plan {
  readonly from: number;
  readonly to: number;
  readonly peak: number;
  readonly time: number;
  /** How the first piece is done when it is computed again, and the rest after it; null for one piece that is computed once. */
  readonly parts: { readonly first: Plan; readonly rest: Plan } | null;
}

function planner({ crossing, needed, time }: IntervalCosts, numBorders: number) {
  const known = new Map<number, Plan>();
  const best = (from: number, to: number, numSegments: number, depth: number): Plan => {
    const key = ((from * (numBorders + 1) + to) * 1_025 + numSegments) * (maxDepth + 1) + depth;
    const found = known.get(key);
    if (found !== undefined) return found;
    let plan: Plan = { from, to, peak: needed(from, to), time: 0, parts: null };
    for (let border = from + 1; numSegments > 1 && depth > 0 && border < to; border++) {
      const left = crossing(from, border);
      const again = time(from, border);
      for (let numFirst = 1; numFirst < numSegments; numFirst++) {
        const first = best(from, border, numFirst, depth - 1);
        // More pieces than it can use.
        if (numFirst > 1 && first.parts === null) break;
        const rest = best(border, to, numSegments - numFirst, depth);
        const peak = Math.max(first.peak, left + rest.peak);
        const candidate = { from, to, peak, time: again + first.time + rest.time, parts: { first, rest } };
        if (isBetter(candidate, plan)) plan = candidate;
      }
    }
    known.set(key, plan);
    return plan;
  };
  return best;
}

function isBetter(a: Plan, b: Plan): boolean {
  if (a.peak < b.peak * (1 - tolerance)) return true;
  return a.peak <= b.peak * (1 + tolerance) && a.time < b.time;
}

function toSegments(plan: Plan, borders: readonly number[]): readonly Segment[] {
  const segments: Segment[] = [];
  let rest = plan;
  for (; rest.parts !== null; rest = rest.parts.rest) {
    const { first } = rest.parts;
    segments.push({ end: borders[first.to]!, inner: first.parts === null ? [] : toSegments(first, borders) });
  }
  return [...segments, { end: borders[rest.to]!, inner: [] }];
}

/** Places before which a border may be, the begin and the end among them. */
function chooseBorders(
  numNodes: number,
  buffers: readonly ForwardBuffer[],
  fused: ReadonlySet<number>,
): readonly number[] {
  const crossing = new Float64Array(numNodes + 1);
  const made = new Float64Array(numNodes + 1);
  for (const { made: from, lastUse, bytes, isNeeded } of buffers) {
    // Crosses every border after it is made, up to its last use.
    crossing[from + 1]! += bytes;
    crossing[lastUse + 1]! -= bytes;
    if (isNeeded) made[from + 1]! += bytes;
  }
  for (let place = 1; place <= numNodes; place++) {
    crossing[place]! += crossing[place - 1]!;
    made[place]! += made[place - 1]!;
  }
  const total = made[numNodes]!;
  const chosen: number[] = [];
  for (let place = 1; place < numNodes; place++) {
    if (fused.has(place)) continue;
    const part = Math.min(Math.floor((made[place]! / Math.max(total, 1)) * maxBorders), maxBorders - 1);
    const rival = chosen[part];
    if (rival === undefined || crossing[place]! < crossing[rival]!) chosen[part] = place;
  }
  return [0, ...chosen.filter((place) => place !== undefined), numNodes];
}

function intervalCosts(
  forward: readonly Node[],
  buffers: readonly ForwardBuffer[],
  borders: readonly number[],
): IntervalCosts {
  const size = borders.length;
  /** The first border that a place is before. */
  const borderAfter = (place: number): number => borders.findIndex((border) => border > place);
  const all = new Float64Array(size * size);
  const taken = new Float64Array(size * size);
  for (const { made, lastUse, bytes, isNeeded } of buffers) {
    const at = borderAfter(made) * size + borderAfter(lastUse);
    all[at]! += bytes;
    if (isNeeded) taken[at]! += bytes;
  }
  const timeUntil = new Float64Array(forward.length + 1);
  forward.forEach((node, index) => {
    timeUntil[index + 1] = timeUntil[index]! + estimateMicroseconds(node);
  });
  const [crossing, needed] = [new Float64Array(size * size), new Float64Array(size * size)];
  for (let to = 1; to < size; to++) {
    // Of what is made before `to`, from the last made on.
    for (let from = to - 1; from >= 0; from--) {
      let [crosses, stays] = [
        from + 1 < to ? crossing[(from + 1) * size + to]! : 0,
        from + 1 < to ? needed[(from + 1) * size + to]! : 0,
      ];
      for (let use = 0; use < size; use++) {
        if (use > to) crosses += all[(from + 1) * size + use]!;
        else stays += taken[(from + 1) * size + use]!;
      }
      crossing[from * size + to] = crosses;
      needed[from * size + to] = stays;
    }
  }
  return {
    crossing: (from, to) => crossing[from * size + to]!,
    needed: (from, to) => needed[from * size + to]!,
    time: (from, to) => timeUntil[borders[to]!]! - timeUntil[borders[from]!]!,
  };
}
