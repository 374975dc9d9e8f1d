import {
  AnnealError,
  type TrainerReply,
  type TrainerRequest,
  toAnnealError,
  trainerExitCodes,
} from "@anneal/contracts";
import { engineFailure } from "../engine/failures.ts";
import { Trainer } from "./trainer.ts";

/**
 * The trainer process. Speaks `contracts/trainer.ts` over Node's IPC channel with whoever started it, and ends when it
 * is asked to, when nobody has asked it anything for a while, or at once when its parent is gone.
 */

const idleMs = Number(process.env.ANNEAL_TRAINER_IDLE_MS ?? 30_000);

// SIGKILL: neither a native call that runs nor a handler can delay it, and a stale trainer must not go on.
process.on("disconnect", () => process.kill(process.pid, "SIGKILL"));
// Ctrl-C at a terminal reaches the whole process group: what then happens is the parent's decision.
process.on("SIGINT", () => {});
if (process.send === undefined) {
  process.stderr.write("A trainer is started by Anneal, over an IPC channel.\n");
  process.exit(trainerExitCodes.failed);
}

const trainer = new Trainer({ send, onEngineLost: (cause) => void endWithoutEngine(cause) });
let busy = false;
let idleTimer: NodeJS.Timeout | undefined;

process.on("message", (request: TrainerRequest) => void handle(request));
send({ type: "ready", pid: process.pid });
restartIdleTimer();

async function handle(request: TrainerRequest): Promise<void> {
  if (request.type === "stop") {
    if (busy) trainer.stop();
    return;
  }
  if (request.type === "close") return end(trainerExitCodes.ok);
  if (busy) {
    send({ type: "failed", error: busyError(request.type).toRecord() });
    return;
  }
  busy = true;
  clearTimeout(idleTimer);
  const signsOfLife = setInterval(() => trainer.giveSignOfLife(), 1_000);
  try {
    send(await answer(request));
  } catch (cause) {
    const failure = toAnnealError(engineFailure("the trainer", cause));
    // The record crosses to the parent without its stack: that is for the log.
    process.stderr.write(`${new Date().toISOString()} ${request.type} failed: ${describe(failure)}\n`);
    send({ type: "failed", error: failure.toRecord() });
  } finally {
    clearInterval(signsOfLife);
    busy = false;
    restartIdleTimer();
  }
}

async function answer(request: Exclude<TrainerRequest, { type: "stop" | "close" }>): Promise<TrainerReply> {
  switch (request.type) {
    case "prepare":
      return { type: "prepared", result: await trainer.prepare(request) };
    case "segment":
      return { type: "segmentEnded", ...(await trainer.segment(request)) };
    case "window":
      return { type: "windowOpened", ...(await trainer.openWindow(request)) };
    case "evaluate":
      return { type: "evaluated", result: await trainer.evaluate(request) };
    case "evaluateCheckpoint":
      return { type: "evaluated", result: await trainer.evaluateCheckpoint(request) };
    case "predict":
      return { type: "predicted", result: await trainer.predict(request) };
    case "export":
      return { type: "exported", result: await trainer.exportModel(request) };
    case "explain":
      return { type: "explained", result: await trainer.explain() };
  }
}

function send(reply: TrainerReply): void {
  // A closed channel is told by "disconnect"; a message that was on its way then is of no interest.
  process.send?.(reply, undefined, undefined, () => {});
}

function restartIdleTimer(): void {
  clearTimeout(idleTimer);
  idleTimer = setTimeout(() => void end(trainerExitCodes.ok), idleMs);
}

async function end(code: number): Promise<void> {
  await trainer.close();
  process.exit(code);
}

/** Without its engine thread the process is of no use. What was pending has been answered with the same error. */
async function endWithoutEngine(cause: AnnealError): Promise<void> {
  process.stderr.write(`${new Date().toISOString()} the engine thread ended: ${describe(cause)}\n`);
  // Lets the pending request's failure be sent first.
  await new Promise((resolve) => setTimeout(resolve, 50));
  process.exit(trainerExitCodes.engineLost);
}

function describe({ code, message, stack, cause }: AnnealError): string {
  const origin = cause instanceof Error ? `\ncaused by ${cause.stack ?? cause.message}` : "";
  return `${code}: ${stack ?? message}${origin}`;
}

function busyError(type: string): AnnealError {
  return new AnnealError(
    "INTERNAL",
    `the trainer was asked to ${type} while it was at work`,
    "This is a defect of Anneal: please report it with the log.",
  );
}
