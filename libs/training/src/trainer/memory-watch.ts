import type { MemoryReading } from "@anneal/contracts";
import { judgeReading, noPressure } from "@anneal/policy";
import { readMemory } from "@anneal/runtime";

export interface MemoryWatch {
  /** What the trainer may take; null where no budget was given. */
  readonly budgetBytes: number | null;
  /** Whether pressure would be acted on now: a segment that has made no step yet has nothing to save. */
  readonly isReady: () => boolean;
  /** Called once, when pressure has lasted, with its figures. */
  readonly onPressure: (why: string) => void;
  readonly read?: () => MemoryReading;
  readonly intervalMs?: number;
}

/** Looks at the memory of the process and its machine every second, on the main thread, which the engine does not keep busy. */
export function watchMemory(watch: MemoryWatch): Disposable {
  const { budgetBytes, isReady, onPressure, read = readMemory, intervalMs = 1_000 } = watch;
  let state = noPressure;
  const timer = setInterval(() => {
    const judged = judgeReading(state, read(), budgetBytes);
    state = judged.state;
    if (judged.why === null || !isReady()) return;
    clearInterval(timer);
    onPressure(judged.why);
  }, intervalMs);
  timer.unref();
  return { [Symbol.dispose]: () => clearInterval(timer) };
}
