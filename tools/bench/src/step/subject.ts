import { type ProcessCommand, TalkingProcess } from "../subjects/talking-process.ts";
import type { Explained, Loaded, Ready, Stepped, SubjectOrder, SubjectReply } from "./protocol.ts";

/** A process that takes training steps when it is asked to. */
export class Subject {
  readonly #process: TalkingProcess<SubjectReply>;

  private constructor(process: TalkingProcess<SubjectReply>) {
    this.#process = process;
  }

  /** A process with framework and batches loaded, and nothing else. */
  static async start(command: ProcessCommand, order: SubjectOrder): Promise<readonly [Subject, Loaded]> {
    const process = new TalkingProcess<SubjectReply>(command, order);
    try {
      return [new Subject(process), await process.next("loaded")];
    } catch (cause) {
      await process.close();
      throw cause;
    }
  }

  get pid(): number {
    return this.#process.pid;
  }

  /** Builds the model; the subject can take steps then. */
  async prepare(): Promise<Ready> {
    return this.#process.ask("ready", { type: "prepare" });
  }

  /** Takes steps with the first `numSteps` batches. */
  async step(numSteps: number): Promise<Stepped> {
    return this.#process.ask("stepped", { type: "step", numSteps });
  }

  /** Where the time of a step goes. Trains in a session of its own: measure memory before. */
  async explain(): Promise<Explained> {
    return this.#process.ask("explained", { type: "explain" });
  }

  async close(): Promise<void> {
    await this.#process.close();
  }
}
