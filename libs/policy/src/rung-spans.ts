import type { MemoryRung, RungMove } from "@anneal/contracts";

/** Steps of a run that were made on one rung: `from` is the first of them and `to` the last, counted from 1. */
export interface RungSpan {
  readonly from: number;
  readonly to: number;
  readonly rung: MemoryRung;
  readonly why: string;
}

/** Which steps of a run ran on which rung, given where it began, its moves and how many steps it has made. */
export function rungSpans(
  start: { readonly rung: MemoryRung; readonly why: string },
  moves: readonly RungMove[],
  step: number,
): readonly RungSpan[] {
  const starts = [{ step: 0, ...start }, ...moves];
  return starts.flatMap(({ step: before, rung, why }, index) => {
    const to = Math.min(step, starts[index + 1]?.step ?? step);
    return to > before ? [{ from: before + 1, to, rung, why }] : [];
  });
}
