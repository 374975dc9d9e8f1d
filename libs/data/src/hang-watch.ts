import { createReader } from "@anneal/sources";
import type { Piscina } from "piscina";
import { transformHung } from "./feed-errors.ts";
import type { FeedPlan } from "./plan.ts";
import type { PartProgress, Ring } from "./ring.ts";
import { itemAt } from "./schedule.ts";

/** Samples are read many at once: so many of them in the time of one. */
const readTogether = 8;
const maxIntervalMs = 1_000;

/** A part that a thread works on: what was seen of it last, and since when it is so. */
interface WatchedPart {
  readonly item: number;
  readonly part: number;
  seen: string;
  sinceMs: number;
}

/** Ends threads that have worked on one sample for too long. Their parts are done again by others. */
export class HangWatch {
  readonly intervalMs: number;
  readonly #plan: FeedPlan;
  readonly #ring: Ring;
  readonly #pool: Pick<Piscina, "threads">;
  readonly #sampleTimeoutMs: number;
  readonly #parts = new Set<WatchedPart>();
  /** Samples that a thread hung in: the second time is the last. */
  readonly #hung = new Set<string>();

  constructor(options: {
    readonly plan: FeedPlan;
    readonly ring: Ring;
    readonly pool: Pick<Piscina, "threads">;
    readonly sampleTimeoutMs: number;
  }) {
    this.#plan = options.plan;
    this.#ring = options.ring;
    this.#pool = options.pool;
    this.#sampleTimeoutMs = options.sampleTimeoutMs;
    this.intervalMs = Math.min(maxIntervalMs, options.sampleTimeoutMs / 4);
  }

  /** Watches a part until it is disposed of. */
  watch(item: number, part: number): Disposable {
    const watched: WatchedPart = { item, part, seen: "", sinceMs: performance.now() };
    this.#parts.add(watched);
    return { [Symbol.dispose]: () => this.#parts.delete(watched) };
  }

  look(): void {
    const now = performance.now();
    for (const watched of this.#parts) {
      const { item, part } = watched;
      const progress = this.#ring.progressOf(item, part);
      if (progress === null || this.#ring.isPartDone(item, part)) continue;
      const seen = `${progress.threadId}/${progress.index}/${progress.numBegun}`;
      if (seen !== watched.seen) {
        watched.seen = seen;
        watched.sinceMs = now;
        continue;
      }
      const together = progress.numBegun > 0 ? 1 : Math.ceil(this.#ring.partSizeOf(item) / readTogether);
      if (now - watched.sinceMs < this.#sampleTimeoutMs * together) continue;
      watched.sinceMs = now;
      this.#endThread(item, progress);
      // One at a time: the thread's other part has done nothing wrong.
      return;
    }
  }

  #endThread(item: number, progress: PartProgress): void {
    const { phase } = itemAt(this.#plan, item);
    const sample = `${phase}/${progress.source}/${progress.index}`;
    if (this.#hung.has(sample)) {
      const { source } = this.#plan.datasets[phase]!.parts[progress.source]!;
      const place =
        source.kind === "stream"
          ? `${source.place}, sample ${progress.index}`
          : createReader(source).placeOf(progress.index);
      this.#ring.fail(transformHung(progress.index, place, this.#sampleTimeoutMs, 2));
    }
    this.#hung.add(sample);
    void this.#pool.threads.find(({ threadId }) => threadId === progress.threadId)?.terminate();
  }
}
