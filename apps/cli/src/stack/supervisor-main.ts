import { annealHome } from "@anneal/checkpoint";
import { toAnnealError } from "@anneal/contracts";
import { ensureTemporalCli } from "@anneal/provision";
import type { SupervisorMessage } from "./stack.ts";
import { Supervisor } from "./supervisor.ts";

/**
 * The detached supervisor behind `anneal up`. It tells the command that started it how it goes over IPC, writes the
 * same to its log, and lives on alone until SIGTERM.
 */
function tell(message: SupervisorMessage): void {
  if (process.connected) process.send?.(message, () => {});
}

function log(line: string): void {
  console.log(`${new Date().toISOString()} ${line}`);
  tell({ type: "note", text: line });
}

const supervisor = new Supervisor({
  home: annealHome(),
  temporalPath: async () => (await ensureTemporalCli({ log })).path,
  log,
});

async function stop(): Promise<void> {
  log("stopping");
  await supervisor.stop();
  log("stopped");
  process.exit(0);
}

process.on("SIGTERM", () => void stop());
process.on("SIGINT", () => void stop());
process.on("SIGHUP", () => {}); // a closed terminal is no reason to end trainings

try {
  const state = await supervisor.start();
  if (!state) {
    tell({ type: "taken" });
    process.disconnect?.();
  } else {
    tell({ type: "ready", state });
  }
} catch (cause) {
  const error = toAnnealError(cause).toRecord();
  log(`${error.code}: ${error.message}`);
  tell({ type: "failed", error });
  if (process.connected) process.disconnect();
  process.exitCode = 1;
}
