import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface, type Interface } from "node:readline";
import type { Readable } from "node:stream";
import type { Explained, Loaded, Ready, Stepped, SubjectOrder, SubjectReply, SubjectRequest } from "./protocol.ts";

export interface SubjectCommand {
  readonly file: string;
  readonly args: readonly string[];
  readonly env: NodeJS.ProcessEnv;
}

/** A process that takes training steps when it is asked to, and stands still in between. */
export class Subject {
  readonly #child: ChildProcess;
  readonly #replies: Interface;

  private constructor(child: ChildProcess) {
    this.#child = child;
    this.#replies = createInterface({ input: child.stdio[3] as Readable });
  }

  /** A process with framework and batches loaded, and nothing else. */
  static async start({ file, args, env }: SubjectCommand, order: SubjectOrder): Promise<readonly [Subject, Loaded]> {
    // stdout is for the bench's result.
    const child = spawn(file, [...args, JSON.stringify(order)], { env, stdio: ["pipe", 2, 2, "pipe"] });
    // Writing to a subject that has died: its end is what is reported.
    child.stdin?.on("error", () => {});
    const subject = new Subject(child);
    try {
      return [subject, await subject.#next("loaded")];
    } catch (cause) {
      await subject.close();
      throw cause;
    }
  }

  get pid(): number {
    return this.#child.pid ?? -1;
  }

  /** Builds the model; the subject can take steps then. */
  async prepare(): Promise<Ready> {
    return this.#ask("ready", { type: "prepare" });
  }

  /** Takes steps with the first `numSteps` batches. */
  async step(numSteps: number): Promise<Stepped> {
    return this.#ask("stepped", { type: "step", numSteps });
  }

  /** Where the time of a step goes. Trains in a session of its own: measure memory before. */
  async explain(): Promise<Explained> {
    return this.#ask("explained", { type: "explain" });
  }

  #ask<Type extends SubjectReply["type"]>(type: Type, request: SubjectRequest) {
    const answer = this.#next(type);
    this.#child.stdin?.write(`${JSON.stringify(request)}\n`);
    return answer;
  }

  async close(): Promise<void> {
    this.#replies.close();
    if (this.#child.pid === undefined || this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const exited = once(this.#child, "exit");
    this.#child.kill("SIGKILL");
    await exited;
  }

  async #next<Type extends SubjectReply["type"]>(type: Type): Promise<Extract<SubjectReply, { type: Type }>> {
    const ended = new AbortController();
    const { signal } = ended;
    // Not "exit": what it said last is read first.
    const exited = once(this.#child, "close", { signal }).then(([code, killedBy]) => {
      throw new Error(`the process ended with ${code ?? killedBy}`);
    });
    const answered = once(this.#replies, "line", { signal });
    exited.catch(() => {});
    answered.catch(() => {});
    try {
      const [line] = (await Promise.race([answered, exited])) as [string];
      const reply = JSON.parse(line) as SubjectReply;
      if (reply.type === "failed") throw new Error(reply.message);
      if (reply.type !== type) throw new Error(`answered ${reply.type}, not ${type}`);
      return reply as Extract<SubjectReply, { type: Type }>;
    } finally {
      ended.abort();
    }
  }
}
