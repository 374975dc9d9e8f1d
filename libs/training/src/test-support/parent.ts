import { basename } from "node:path";
import { runSpecSchema } from "@anneal/contracts";
import { spawnTrainer } from "../trainer/client.ts";

// A process that starts a trainer, lets it train, and tells its pid to the test: which then kills this process.
const [runDirectory = "", spec = "{}"] = process.argv.slice(2);
const trainer = await spawnTrainer({ runDirectory });
const run = { runId: basename(runDirectory), spec: runSpecSchema.parse(JSON.parse(spec)) };
const { plan } = await trainer.prepare({ ...run, attempt: 1, resume: null });
await trainer.segment({ ...run, plan, attempt: 2, untilStep: plan.totalSteps, allowInexact: false }, ({ step }) => {
  if (step > 0) process.send?.(trainer.pid);
});
