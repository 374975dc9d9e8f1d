/** Ctrl-C, SIGTERM and a closed terminal: the first asks for an orderly end, the second forces it. */
export interface Interrupts extends Disposable {
  /** Aborted by the first. */
  readonly signal: AbortSignal;
  /** What the second one does. */
  onForce(action: () => void): void;
}

/** One Ctrl-C may come twice: from the terminal and, passed on, from `pnpm`. */
const echoMs = 200;

const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

export function listenForInterrupts(): Interrupts {
  const first = new AbortController();
  let force = (): void => {};
  let firstAtMs = 0;
  const listener = (): void => {
    if (!first.signal.aborted) {
      firstAtMs = Date.now();
      first.abort();
    } else if (Date.now() - firstAtMs > echoMs) force();
  };
  for (const signal of signals) process.on(signal, listener);
  return {
    signal: first.signal,
    onForce(action) {
      force = action;
    },
    [Symbol.dispose]() {
      for (const signal of signals) process.off(signal, listener);
    },
  };
}

/** Rejects with the signal's reason when the signal comes before the promise; what was started goes on alone. */
export async function unlessAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  signal.throwIfAborted();
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const onAbort = (): void => reject(signal.reason);
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    return await Promise.race([work, aborted]);
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}
