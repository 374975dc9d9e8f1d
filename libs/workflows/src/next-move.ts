import { type ErrorRecord, type FailureClass, failureTable, type RetryBudget } from "@anneal/contracts";

/** Failures since the run last moved forward, by class. */
export type FailureCounts = Readonly<Partial<Record<FailureClass, number>>>;

export type NextMove =
  | { readonly kind: "retry"; readonly delayMs: number; readonly counts: FailureCounts; readonly why: string }
  | { readonly kind: "fail"; readonly why: string };

/** First pause, growth and ceiling of the back-off of each class, in milliseconds. */
const backoff = {
  crash: { firstMs: 200, ceilingMs: 60_000 },
  memory: { firstMs: 200, ceilingMs: 60_000 },
  environment: { firstMs: 5_000, ceilingMs: 300_000 },
} as const;

/** A run that gives way again and again without moving is broken, whatever it calls itself. */
const maxFencedInARow = 3;

/**
 * What happens after a failed attempt: the failure table, walked.
 *
 * Budgets count failures of one class since the run last committed a new checkpoint, so that a training of weeks is
 * not ended by five crashes that were days apart, while one that crashes at the same place is.
 */
export function nextMove(error: ErrorRecord, counts: FailureCounts, budget: RetryBudget): NextMove {
  const failureClass: FailureClass = failureTable[error.code].class;
  const count = (counts[failureClass] ?? 0) + 1;
  const grown = { ...counts, [failureClass]: count };
  switch (failureClass) {
    case "input":
      return { kind: "fail", why: "bad input never retries" };
    case "preemption":
      return { kind: "retry", delayMs: 0, counts, why: "handed over; not counted" };
    case "fenced":
      return count > maxFencedInARow
        ? { kind: "fail", why: `fenced ${count} times in a row` }
        : { kind: "retry", delayMs: 0, counts: grown, why: "goes on above the newest token" };
    case "crash":
    case "memory":
    case "environment": {
      const allowed = budget[failureClass];
      if (count > allowed) return { kind: "fail", why: `${failureClass} budget of ${allowed} is used up` };
      const { firstMs, ceilingMs } = backoff[failureClass];
      const delayMs = Math.min(ceilingMs, firstMs * 2 ** (count - 1));
      return { kind: "retry", delayMs, counts: grown, why: `${failureClass} ${count} of ${allowed}` };
    }
  }
}
