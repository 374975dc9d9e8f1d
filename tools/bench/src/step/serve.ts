import { writeSync } from "node:fs";
import { createInterface } from "node:readline";
import { inspect } from "node:util";
import { machineThreads } from "../subjects/mnist.ts";
import type { Ready, SubjectOrder, SubjectReply, SubjectRequest } from "./protocol.ts";
import { type Workload, type WorkloadName, workloads } from "./workloads.ts";

/** A model that is ready for steps. */
export interface Prepared {
  readonly ready: Omit<Ready, "type">;
  /** Takes steps with the first `numSteps` batches; returns the mean loss. */
  readonly takeSteps: (numSteps: number) => number | Promise<number>;
  /** The share of products in the time of a step's nodes. */
  readonly explain?: () => number;
}

/** Answers the bench's requests one after another until it goes. */
export async function serve(prepare: (order: SubjectOrder) => Prepared | Promise<Prepared>): Promise<void> {
  const reply = (message: SubjectReply): void => {
    writeSync(3, `${JSON.stringify(message)}\n`);
  };
  try {
    const { ready, takeSteps, explain } = await prepare(JSON.parse(process.argv[2] ?? "{}") as SubjectOrder);
    reply({ type: "ready", ...ready });
    for await (const line of createInterface({ input: process.stdin })) {
      const request = JSON.parse(line) as SubjectRequest;
      if ("explain" in request) {
        if (explain === undefined) throw new Error("this subject cannot say where its time goes");
        reply({ type: "explained", productShare: explain() });
        continue;
      }
      const { numSteps } = request;
      const startedAt = performance.now();
      const loss = await takeSteps(numSteps);
      reply({ type: "stepped", elapsedMs: performance.now() - startedAt, loss });
    }
  } catch (cause) {
    reply({ type: "failed", message: inspect(cause) });
  }
  // TensorFlow's threads would keep the process.
  process.exit();
}

export function findWorkload(name: string): Workload & { readonly name: WorkloadName } {
  const workload = workloads.find((candidate) => candidate.name === name);
  if (workload === undefined) throw new RangeError(`there is no workload "${name}"`);
  return workload;
}

/** As many threads as the bench says, and as many ops at a time as in a run. */
export function threadOptions({ numThreads }: SubjectOrder) {
  return { numIntraOpThreads: numThreads, numInterOpThreads: machineThreads.interOp };
}
