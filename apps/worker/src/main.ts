import { availableParallelism } from "node:os";
import { annealHome, runPaths } from "@anneal/checkpoint";
import { toAnnealError } from "@anneal/contracts";
import { cacheDirectory } from "@anneal/runtime";
import { spawnTrainer } from "@anneal/training";
import { DefaultLogger, Runtime } from "@temporalio/worker";
import { startWorker } from "./start-worker.ts";

/**
 * The worker's process. Reads its server from the environment (`TEMPORAL_ADDRESS`, `TEMPORAL_NAMESPACE`, …), its runs'
 * folder from `ANNEAL_HOME`, and how many trainers this machine carries from `ANNEAL_MAX_TRAINERS`.
 */

// What activities fail with is in the history; the log is for what concerns the worker itself.
Runtime.install({ logger: new DefaultLogger("ERROR"), shutdownSignals: [] });

try {
  const worker = await startWorker({
    cacheDirectory: cacheDirectory(),
    home: annealHome(),
    numTrainers: maxTrainers(),
    spawnTrainer: (runId) => spawnTrainer({ runDirectory: runPaths(annealHome(), runId).root }),
    onReady: () => process.send?.({ type: "ready" }),
  });
  process.on("SIGTERM", () => worker.shutdown());
  process.on("SIGINT", () => worker.shutdown());
  // Whoever started it is gone: hand over as well, nobody would end this process otherwise.
  process.on("disconnect", () => worker.shutdown());
  await worker.stopped;
  process.exit(0);
} catch (cause) {
  const { code, message, remedy, stack } = toAnnealError(cause);
  process.stderr.write(`error ${code}: ${message}\n→ ${remedy}\n${stack ?? ""}\n`);
  process.exit(1);
}

/** A trainer uses all cores by default, so one at a time is right unless the person knows better. */
function maxTrainers(): number {
  const asked = Number(process.env.ANNEAL_MAX_TRAINERS ?? 1);
  if (Number.isInteger(asked) && asked >= 1) return asked;
  process.stderr.write(`ANNEAL_MAX_TRAINERS must be a whole number from 1 to ${availableParallelism()}: 1 is used.\n`);
  return 1;
}
