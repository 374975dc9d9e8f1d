import { setTimeout as sleep } from "node:timers/promises";

export interface WaitOptions {
  readonly timeoutMs?: number;
  readonly everyMs?: number;
  /** What is waited for, for the error's message. */
  readonly what?: string;
}

/**
 * Asks again and again until the predicate returns something truthy, and returns that. Throws after `timeoutMs` (10 s by
 * default), naming what the predicate last returned or threw.
 */
export async function waitFor<T>(
  predicate: () => T | Promise<T>,
  { timeoutMs = 10_000, everyMs = 20, what = "condition" }: WaitOptions = {},
): Promise<NonNullable<Exclude<T, false>>> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    let last: unknown;
    try {
      const value = await predicate();
      if (value) return value as NonNullable<Exclude<T, false>>;
      last = value;
    } catch (error) {
      last = error;
    }
    if (performance.now() >= deadline) {
      throw new Error(`Waited ${timeoutMs} ms in vain for ${what}; last: ${String(last)}`, { cause: last });
    }
    await sleep(everyMs);
  }
}
