import { AnnealError } from "@anneal/contracts";

/**
 * A learning rate over the run: a pure function of the step, in float64.
 * `step` counts the updates made before this one, so the first update uses `at(0)`.
 */
export interface Schedule {
  readonly at: (step: number) => number;
}

/**
 * The same learning rate at every step.
 *
 * @throws AnnealError RECIPE_INVALID for a negative learning rate
 */
export function constant(learningRate: number): Schedule {
  requireAll("constant", { learningRate: learningRate >= 0 });
  return { at: () => learningRate };
}

export interface WarmupOptions {
  /** Steps over which the learning rate grows linearly; the last of them has reached that of `after`. */
  readonly warmupSteps: number;
  /** What follows, counted from its own step 0. */
  readonly after: number | Schedule;
}

/**
 * Linear growth to the first learning rate of `after`, which follows (Goyal et al. 2017, arXiv 1706.02677).
 *
 * @throws AnnealError RECIPE_INVALID for a negative `warmupSteps` or learning rate
 */
export function warmup({ warmupSteps, after }: WarmupOptions): Schedule {
  requireAll("warmup", { warmupSteps: warmupSteps >= 0 });
  const following = toSchedule(after);
  return {
    at: (step) =>
      step < warmupSteps ? (following.at(0) * (step + 1)) / warmupSteps : following.at(step - Math.ceil(warmupSteps)),
  };
}

export interface CosineOptions {
  /** Learning rate after the warm-up. */
  readonly peak: number;
  /** Steps in all, the warm-up's included; from there on the learning rate is `final`. */
  readonly totalSteps: number;
  /** Default 0. */
  readonly warmupSteps?: number;
  /** Default 0. */
  readonly final?: number;
}

/**
 * Half a cosine from `peak` to `final` (Loshchilov & Hutter 2017, arXiv 1608.03983), after an optional warm-up.
 *
 * @throws AnnealError RECIPE_INVALID for negative rates or steps, or a `totalSteps` below 1 or `warmupSteps`
 */
export function cosine({ peak, totalSteps, warmupSteps = 0, final = 0 }: CosineOptions): Schedule {
  requireAll("cosine", {
    peak: peak >= 0,
    final: final >= 0,
    warmupSteps: warmupSteps >= 0,
    totalSteps: totalSteps >= 1,
  });
  // A recipe that was fine becomes wrong by a short run of it: whoever started that has to see why.
  if (warmupSteps > totalSteps) {
    throw new AnnealError(
      "RECIPE_INVALID",
      `cosine: a warm-up of ${warmupSteps} steps is longer than the whole training of ${totalSteps}`,
      "Train more steps (--epochs, --max-steps), or make the warm-up a share of them: warmupSteps: totalSteps / 10.",
      { what: "cosine", wrong: "warmupSteps", warmupSteps, totalSteps },
    );
  }
  const numDecaySteps = Math.max(1, totalSteps - Math.ceil(warmupSteps));
  const decay: Schedule = {
    at: (step) => final + (peak - final) * 0.5 * (1 + Math.cos(Math.PI * Math.min(1, step / numDecaySteps))),
  };
  return warmupSteps > 0 ? warmup({ warmupSteps, after: decay }) : decay;
}

/** A number stands for a constant learning rate. */
export function toSchedule(learningRate: number | Schedule): Schedule {
  return typeof learningRate === "number" ? constant(learningRate) : learningRate;
}

/** Every option that is out of range, in one error. */
export function requireAll(what: string, checks: Readonly<Record<string, boolean>>): void {
  const wrong = Object.keys(checks).filter((name) => !checks[name]);
  if (wrong.length === 0) return;
  throw new AnnealError(
    "RECIPE_INVALID",
    `${what}: ${wrong.join(", ")} out of range`,
    `Correct ${wrong.join(" and ")} where the recipe calls ${what}().`,
    { what, wrong: wrong.join(", ") },
  );
}
