import { join } from "node:path";
import { tempAnnealHome } from "@anneal/testing";
import { expect, it } from "vitest";
import { readBatches, synthesize, toBatches, writeBatches } from "./batches.ts";
import { workloads } from "./workloads.ts";

it.each(workloads)("$name: the same seed gives the same batches, as they are read back", (workload) => {
  using directory = tempAnnealHome();
  const path = join(directory.path, "batches.safetensors");
  const samples = synthesize(workload, 2, 1);
  writeBatches(path, workload, samples);
  expect(readBatches(path)).toEqual(samples);
  expect(synthesize(workload, 2, 1)).toEqual(samples);
  expect(synthesize(workload, 2, 2).labels).not.toEqual(samples.labels);
  const [first, second, third] = toBatches(samples, workload);
  expect(third).toBeUndefined();
  expect([...first!.labels, ...second!.labels]).toEqual([...samples.labels]);
  expect(Math.max(...samples.labels)).toBeLessThan(workload.numClasses);
});
