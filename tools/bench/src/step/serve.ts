import { writeSync } from "node:fs";
import { createInterface } from "node:readline";
import { inspect } from "node:util";
import { freeUnusedMemory, loadTensorflow, type Tfjs } from "@anneal/runtime";
import { machineThreads } from "../subjects/mnist.ts";
import type { PrepareRequest, Ready, SubjectOrder, SubjectReply, SubjectRequest } from "./protocol.ts";
import { type Workload, type WorkloadName, workloads } from "./workloads.ts";

/** A model that is ready for steps. */
export interface Prepared {
  readonly ready: Omit<Ready, "type">;
  /** Takes steps with the first `numSteps` batches; returns the mean loss. */
  readonly takeSteps: (numSteps: number) => number | Promise<number>;
  /** The share of products in the time of a step's nodes. */
  readonly explain?: () => number;
}

/**
 * Answers the bench's requests one after another until it goes.
 *
 * @param load brings the batches into memory, and returns what builds the model
 */
export async function serve(load: (order: SubjectOrder, tf: Tfjs) => () => Prepared): Promise<void> {
  const reply = (message: SubjectReply): void => {
    writeSync(3, `${JSON.stringify(message)}\n`);
  };
  try {
    const order = JSON.parse(process.argv[2] ?? "{}") as SubjectOrder;
    const { tf, version } = loadTensorflow(threadOptions(order));
    const prepare = load(order, tf);
    // Loading leaves garbage behind: it is no base to count from.
    freeUnusedMemory();
    reply({ type: "loaded", version: `TensorFlow.js ${tf.version_core}, TensorFlow ${version}` });
    let prepared: Prepared | null = null;
    for await (const line of createInterface({ input: process.stdin })) {
      const request = JSON.parse(line) as SubjectRequest;
      if (request.type === "prepare") {
        prepared = prepare();
        reply({ type: "ready", ...prepared.ready });
      } else reply(await answer(request, prepared));
    }
  } catch (cause) {
    reply({ type: "failed", message: inspect(cause) });
  }
  // TensorFlow's threads would keep the process.
  process.exit();
}

async function answer(
  request: Exclude<SubjectRequest, PrepareRequest>,
  prepared: Prepared | null,
): Promise<SubjectReply> {
  if (prepared === null) throw new Error(`asked to ${request.type} before it was prepared`);
  const { takeSteps, explain } = prepared;
  if (request.type === "explain") {
    if (explain === undefined) throw new Error("this subject cannot say where its time goes");
    return { type: "explained", productShare: explain() };
  }
  const startedAt = performance.now();
  const loss = await takeSteps(request.numSteps);
  return { type: "stepped", elapsedMs: performance.now() - startedAt, loss };
}

export function findWorkload(name: string): Workload & { readonly name: WorkloadName } {
  const workload = workloads.find((candidate) => candidate.name === name);
  if (workload === undefined) throw new RangeError(`there is no workload "${name}"`);
  return workload;
}

/** As many threads as the bench says, and as many ops at a time as in a run. */
function threadOptions({ numThreads }: SubjectOrder) {
  return { numIntraOpThreads: numThreads, numInterOpThreads: machineThreads.interOp };
}
