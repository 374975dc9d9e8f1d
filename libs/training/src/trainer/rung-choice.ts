import type { CheckpointEntry } from "@anneal/checkpoint";
import type { LoopState, MemoryRung, Policy, RunSpec, SegmentInput, TrainingPlan } from "@anneal/contracts";
import { isSameRung, rungInForce } from "@anneal/policy";

/** The rung of the memory ladder that a session is to be on. */
export interface RungChoice {
  readonly rung: MemoryRung;
  /** Why, should the checkpoint that is loaded be of another rung. */
  readonly why: string;
  /** Digest of the graph that the run was on there, where that is known: it is taken as it was kept. */
  readonly graph: string | null;
}

/** Where the newest checkpoint is what says so, and it is of the recipe of this digest; a move leads away from it. */
export function chooseRung(
  spec: RunSpec,
  plan: Pick<TrainingPlan, "memory" | "recipeDigest">,
  newest: Pick<CheckpointEntry, "manifest"> | null,
  move: SegmentInput["move"] = null,
): RungChoice {
  const moves = newest?.manifest.state.rungMoves ?? [];
  const rung = rungInForce(spec, plan, moves);
  if (move && !isSameRung(move.rung, rung)) return { ...move, graph: null };
  const graph = newest?.manifest.recipe.digest === plan.recipeDigest ? newest.manifest.fingerprint.graph : null;
  return {
    rung,
    why: moves.at(-1)?.why ?? "the rung that its plan has",
    graph: typeof graph === "string" ? graph : null,
  };
}

/** The state as it goes on on this rung: unchanged where it is there already. */
export function moveTo(
  state: LoopState,
  { rung, why }: Pick<RungChoice, "rung" | "why">,
  spec: { readonly policy: Policy },
  plan: Pick<TrainingPlan, "memory">,
): LoopState {
  const { step, rungMoves = [] } = state;
  if (isSameRung(rungInForce(spec, plan, rungMoves), rung)) return state;
  return { ...state, rungMoves: [...rungMoves, { step, rung, why }] };
}
