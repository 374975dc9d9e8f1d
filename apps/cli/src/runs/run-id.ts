import { randomInt } from "node:crypto";
import { AnnealError, runIdSchema } from "@anneal/contracts";

/** `mnist-20261124-031245-k3x9`: sorts by recipe, then by local time; the last part tells runs of one second apart. */
export function newRunId(recipeName: string, now = new Date()): string {
  const two = (value: number): string => String(value).padStart(2, "0");
  const day = `${now.getFullYear()}${two(now.getMonth() + 1)}${two(now.getDate())}`;
  const time = `${two(now.getHours())}${two(now.getMinutes())}${two(now.getSeconds())}`;
  const salt = randomInt(36 ** 4)
    .toString(36)
    .padStart(4, "0");
  return `${recipeName}-${day}-${time}-${salt}`;
}

/** An id that a person chose. Throws USAGE. */
export function checkRunId(runId: string): string {
  const parsed = runIdSchema.safeParse(runId);
  if (parsed.success) return runId;
  const why = parsed.error.issues.map(({ message }) => message).join("; ");
  throw new AnnealError("USAGE", `"${runId}" cannot be a run's id: ${why}.`, "Choose another --run-id.", { runId });
}
