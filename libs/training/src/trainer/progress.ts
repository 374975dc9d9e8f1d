import {
  type CheckpointReference,
  type DataFacts,
  noProgress,
  type Progress,
  type TrainingPhase,
  type TrainingPlan,
} from "@anneal/contracts";
import type { LoopReport } from "../loop/run-loop.ts";

/** The newest progress of a trainer, put together from what its parts tell. Every change is sent. */
export class ProgressBoard {
  readonly #send: (progress: Progress) => void;
  #progress: Progress = { ...noProgress, trainerPid: process.pid };

  constructor(send: (progress: Progress) => void) {
    this.#send = send;
  }

  get current(): Progress {
    return this.#progress;
  }

  setPhase(phase: TrainingPhase): void {
    this.#change({ phase });
  }

  setPlan({ totalSteps, epochs }: TrainingPlan): void {
    this.#change({ totalSteps, epochs });
  }

  setCheckpoint(checkpoint: CheckpointReference): void {
    this.#change({ checkpoint });
  }

  setNote(note: string | null): void {
    this.#change({ note });
  }

  setReport(report: LoopReport, { totalSteps, epochs, batchSize }: TrainingPlan, data: DataFacts): void {
    const { step, samplesPerSecond } = report;
    const samplesLeft = (totalSteps - step) * batchSize;
    this.#change({
      // A stop that was asked for stays visible until the segment has ended.
      phase: this.#progress.phase === "stopping" ? "stopping" : report.phase,
      step,
      totalSteps,
      epoch: Math.min(epochs, report.epoch + 1),
      epochs,
      metrics: report.metrics,
      best: report.best,
      samplesPerSecond,
      secondsLeft: samplesPerSecond === null ? null : samplesLeft / samplesPerSecond,
      engineWaitShare: report.waitShare,
      data,
    });
  }

  /** Says again what was said last: a sign of life. */
  repeat(): void {
    this.#send(this.#progress);
  }

  #change(change: Partial<Progress>): void {
    this.#progress = { ...this.#progress, ...change };
    this.#send(this.#progress);
  }
}
