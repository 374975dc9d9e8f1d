import type { Ledger } from "@anneal/contracts";
import type { LedgerNews } from "./ledger-keeper.ts";

/** A run's history carries its ledger once a segment: it stays below 4 KiB. */
const maxShadowLosses = 16;

/**
 * A run's ledger once more is known. A process that has recorded a step replaces what an earlier one had recorded: it may be on another
 * rung, or another machine. Shadow losses of steps that are done anew give way to the new ones.
 */
export function mergeLedger(before: Ledger | null, { recorded, shadowLosses }: LedgerNews): Ledger | null {
  if (recorded === null) return before;
  const [first] = shadowLosses;
  const kept = before?.shadowLosses.filter(({ step }) => first === undefined || step < first.step) ?? [];
  return rounded({ ...recorded, shadowLosses: [...kept, ...shadowLosses].slice(-maxShadowLosses) });
}

function rounded(ledger: Ledger): Ledger {
  const { productShare, exceptedShare, timeShares, stepMilliseconds, memory, shadowLosses } = ledger;
  const shares = Object.entries(timeShares).map(([dtype, share]) => [dtype, digits(share)] as const);
  return {
    ...ledger,
    productShare: productShare === null ? null : digits(productShare),
    ...(exceptedShare !== undefined && { exceptedShare: digits(exceptedShare) }),
    timeShares: Object.fromEntries(shares),
    stepMilliseconds: digits(stepMilliseconds),
    memory: memory && { ...memory, difference: digits(memory.difference) },
    shadowLosses: shadowLosses.map(({ step, loss, float32Loss, relativeDifference }) => ({
      step,
      loss: digits(loss, 7),
      float32Loss: digits(float32Loss, 7),
      relativeDifference: digits(relativeDifference),
    })),
  };
}

function digits(value: number, count = 4): number {
  return Number(value.toPrecision(count));
}
