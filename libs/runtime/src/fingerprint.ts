import { readdirSync, readFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import type { EngineName, Fingerprint, Policy, Threads } from "@anneal/contracts";
import { readCpu } from "./cpu.ts";
import { bitsEnvironment, recordedVariables } from "./environment.ts";
import { type Device, readTensorflowPointer, requestedDevice } from "./paths.ts";

export interface FingerprintOptions {
  readonly engine: EngineName;
  readonly policy: Pick<Policy, "precision">;
  readonly threads: Threads;
  readonly device?: Device;
}

/**
 * What the bits of a training depend on, as flat JSON. Equal fingerprints: equal bits. Does not load TensorFlow, so
 * that a resume can be refused before a process is started for it.
 */
export function fingerprint({ engine, policy, threads, device = requestedDevice() }: FingerprintOptions): Fingerprint {
  const pointer = readTensorflowPointer(device);
  const addonPath = process.env.ANNEAL_TFJS_ADDON ?? pointer?.addonPath ?? "";
  const cpu = readCpu();
  const fields: Record<string, string | number | boolean | null> = {
    engine,
    precision: policy.precision,
    tensorflow: pointer?.tensorflowVersion ?? null,
    addon: basename(dirname(addonPath)),
    device,
    gpu: device === "gpu" ? gpuModels() : null,
    platform: `${process.platform}-${process.arch}`,
    cpu: cpu.model,
    extensions: cpu.extensions.join(" "),
    intraOpThreads: threads.intraOp,
    interOpThreads: threads.interOp,
  };
  for (const [level, bytes] of Object.entries(cpu.cacheBytes)) fields[`cache${level}Bytes`] = bytes;
  const environment = bitsEnvironment({ numIntraOpThreads: threads.intraOp, numInterOpThreads: threads.interOp });
  for (const name of ["TF_DETERMINISTIC_OPS", "TF_ENABLE_ONEDNN_OPTS"]) fields[name] = environment[name] ?? null;
  for (const name of recordedVariables) fields[name] = process.env[name] ?? null;
  return fields;
}

/** Names of the fields in which two fingerprints differ, sorted; a field that one lacks counts as null. */
export function fingerprintDifferences(a: Fingerprint, b: Fingerprint): string[] {
  const names = new Set([...Object.keys(a), ...Object.keys(b)]);
  return [...names].filter((name) => (a[name] ?? null) !== (b[name] ?? null)).sort();
}

/** Models of the NVIDIA GPUs, as their driver lists them; null where there is none. */
function gpuModels(): string | null {
  const directory = "/proc/driver/nvidia/gpus";
  try {
    const models = readdirSync(directory).map((gpu) => {
      const information = readFileSync(join(directory, gpu, "information"), "utf8");
      return information.match(/^Model:\s*(.*)$/m)?.[1] ?? "unknown";
    });
    return models.sort().join(", ") || null;
  } catch {
    return null;
  }
}
