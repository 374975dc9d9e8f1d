import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { tensorflowEnvironment } from "@anneal/runtime";
import { machineThreads } from "./mnist.ts";

export type FitRequest =
  | {
      readonly type: "prepare";
      /** Batches needed in all. */
      readonly numSteps: number;
      readonly parameters: Record<string, number>;
      readonly learningRate: number;
    }
  | { readonly type: "fit"; readonly numSteps: number };

export type FitReply =
  | { readonly type: "prepared" }
  | { readonly type: "fitted"; readonly elapsedMs: number; readonly numSamples: number; readonly loss: number }
  | { readonly type: "failed"; readonly message: string };

export type Fitted = Extract<FitReply, { type: "fitted" }>;

/** A process that trains the MNIST recipe's model by tfjs-node's `model.fit`, with the same TensorFlow and threads. */
export class ModelFit {
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess) {
    this.#child = child;
  }

  static async start(prepare: Omit<Extract<FitRequest, { type: "prepare" }>, "type">): Promise<ModelFit> {
    const { intraOp, interOp } = machineThreads;
    const child = fork(fileURLToPath(new URL("./model-fit-main.ts", import.meta.url)), [], {
      execArgv: ["--expose-gc", "--disable-warning=ExperimentalWarning"],
      env: { ...process.env, ...tensorflowEnvironment({ numIntraOpThreads: intraOp, numInterOpThreads: interOp }) },
      // stdout is for the result.
      stdio: ["ignore", 2, 2, "ipc"],
    });
    const started = new ModelFit(child);
    try {
      await started.#ask({ type: "prepare", ...prepare });
      return started;
    } catch (cause) {
      await started.close();
      throw cause;
    }
  }

  get pid(): number {
    return this.#child.pid ?? -1;
  }

  /** Trains on the next `numSteps` batches. */
  async fit(numSteps: number): Promise<Fitted> {
    const reply = await this.#ask({ type: "fit", numSteps });
    if (reply.type !== "fitted") throw new Error(`model.fit answered ${reply.type}`);
    return reply;
  }

  async close(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const exited = once(this.#child, "exit");
    this.#child.kill("SIGKILL");
    await exited;
  }

  async #ask(request: FitRequest): Promise<FitReply> {
    const ended = new AbortController();
    const exited = once(this.#child, "exit", { signal: ended.signal }).then(() => {
      throw new Error("the process of model.fit ended");
    });
    exited.catch(() => {});
    const answered = once(this.#child, "message", { signal: ended.signal });
    this.#child.send(request);
    try {
      const [reply] = (await Promise.race([answered, exited])) as [FitReply];
      if (reply.type === "failed") throw new Error(`model.fit failed: ${reply.message}`);
      return reply;
    } finally {
      ended.abort();
    }
  }
}
