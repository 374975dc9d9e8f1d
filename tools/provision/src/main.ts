import { failureTable, toAnnealError } from "@anneal/contracts";
import { ensureAll } from "./ensureAll.ts";

try {
  const { tensorflow, temporal } = await ensureAll({ log: (line) => console.error(line) });
  console.error(`TensorFlow ${tensorflow.tensorflowVersion} (${tensorflow.device}): ${tensorflow.addonPath}`);
  console.error(`Temporal CLI ${temporal.version}: ${temporal.path}`);
} catch (cause) {
  const error = toAnnealError(cause);
  console.error(`${error.code}: ${error.message}\n${error.remedy}`);
  process.exitCode = failureTable[error.code].exitCode;
}
