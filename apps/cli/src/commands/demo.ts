import { once } from "node:events";
import { annealHome } from "@anneal/checkpoint";
import { exitCodes } from "@anneal/contracts";
import { ensureAll } from "@anneal/provision";
import type { Command } from "commander";
import { ensureHome } from "../home.ts";
import { type Interrupts, listenForInterrupts, unlessAborted } from "../interrupts.ts";
import { type CommandResult, log, printResult } from "../output.ts";
import { buildSpec, openRecipe } from "../recipes.ts";
import { formatFacts } from "../render/table.ts";
import { formatCount, formatDuration, formatMetrics } from "../render/values.ts";
import { describeEnd, showRun } from "../runs/attach.ts";
import { cancelRun } from "../runs/cancel.ts";
import { chooseDemoRun } from "../runs/demo-run.ts";
import { describeResumed, resumeRun } from "../runs/resume.ts";
import { startNewRun } from "../runs/start.ts";
import { type Outcome, type RunView, viewRun } from "../runs/view.ts";
import { type ForegroundStack, openForegroundStack } from "../stack/foreground.ts";
import type { Session } from "../temporal/endpoint.ts";
import { type CommonOptions, defineCommand } from "./define.ts";

const recipeName = "mnist";

export function demoCommand(): Command {
  return defineCommand(
    "demo",
    "Train MNIST as a durable run: installs what is missing, starts a local stack, ends it again",
    "anneal demo",
  ).action((options: CommonOptions) => demo(annealHome(), options.json === true));
}

async function demo(home: string, asJson: boolean): Promise<void> {
  ensureHome(home);
  using interrupts = listenForInterrupts();
  interrupts.onForce(() => process.exit(exitCodes.interrupted));
  try {
    await unlessAborted(ensureAll({ log }), interrupts.signal);
    await using stack = await openForegroundStack(home, log, interrupts);
    printResult(await trainDemo(home, stack.session, interrupts), asJson);
    await serve(stack, interrupts);
    if (stack.isOurs) log("stopping the local stack");
  } catch (error) {
    if (error !== interrupts.signal.reason) throw error;
    log("stopped before training began; run it again to start anew");
    process.exitCode = exitCodes.interrupted;
  }
}

async function trainDemo(home: string, session: Session, interrupts: Interrupts): Promise<CommandResult> {
  const runId = await startDemoRun(home, session);
  const url = session.runUrl(runId);
  log(`run ${runId}${url ? `: ${url}` : ""}`);
  const outcome = await showRun(session, runId, interrupts.signal, "images");
  if (!outcome) return await interruptDemo(home, session, runId);
  const run = await viewRun(home, session, runId);
  const end = describeEnd(run, outcome);
  return outcome.status === "completed" ? { ...end, text: formatDemo(run, outcome) } : end;
}

/** Goes on with a demo that was interrupted; starts a new one otherwise. */
async function startDemoRun(home: string, session: Session): Promise<string> {
  const { runId, action } = await chooseDemoRun(home, session);
  if (action === "start") {
    const known = await openRecipe(recipeName);
    await startNewRun(home, session, runId, await buildSpec(known, {}, {}));
  } else if (action === "resume") {
    const resumed = await resumeRun(home, session, runId, { recipeVersion: "recorded", allowInexact: true });
    log(describeResumed(home, runId, resumed));
  } else {
    log("going on with the run of an earlier demo");
  }
  return runId;
}

async function interruptDemo(home: string, session: Session, runId: string): Promise<CommandResult> {
  log("stopping: saving a checkpoint (Ctrl-C again to stop at once)");
  await cancelRun(home, session, runId, log);
  const run = await viewRun(home, session, runId);
  const text = `Stopped at step ${formatCount(run.checkpoint?.step ?? run.step)}. Run the demo again: it goes on from there.`;
  return { document: run, text, exitCode: exitCodes.interrupted };
}

/** At a terminal the UI stays until Ctrl-C, so that one can look around. */
async function serve({ session, isOurs }: ForegroundStack, { signal }: Interrupts): Promise<void> {
  if (!isOurs || !process.stdin.isTTY || !process.stderr.isTTY || signal.aborted) return;
  log(`\nThe Temporal UI stays at ${session.endpoint.uiUrl ?? session.endpoint.address} until Ctrl-C.`);
  await once(signal, "abort");
}

function formatDemo(run: RunView, { result }: Outcome): string {
  const { evaluation } = run;
  return formatFacts([
    ["accuracy", accuracyOf(run)],
    [
      "test metrics",
      evaluation && `${formatMetrics(evaluation.metrics)} on ${formatCount(evaluation.numSamples)} images`,
    ],
    ["time", result && formatDuration(result.durationMs)],
    ["steps", `${formatCount(run.step)} in ${run.epoch} epochs`],
    ["checkpoint", run.checkpoint?.path],
    ["digest", run.checkpoint?.digest],
    ["UI", run.uiUrl],
  ]);
}

function accuracyOf({ evaluation }: RunView): string | null {
  const accuracy = evaluation?.metrics.accuracy;
  if (!evaluation || accuracy === undefined) return null;
  return `${(accuracy * 100).toFixed(2)} % of ${formatCount(evaluation.numSamples)} test images`;
}
