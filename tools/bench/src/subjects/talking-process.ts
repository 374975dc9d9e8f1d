import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface, type Interface } from "node:readline";
import type { Readable } from "node:stream";

export interface ProcessCommand {
  readonly file: string;
  readonly args: readonly string[];
  readonly env: NodeJS.ProcessEnv;
}

interface Reply {
  readonly type: string;
}

/**
 * A process that does what it is asked to, and stands still in between, whatever language it is in: an order as JSON on its command
 * line, requests as lines on its stdin, replies as lines on its file descriptor 3 (stdout belongs to libraries that print). It ends
 * when its stdin does. Any reply may be `{type: "failed", message}` in place of the one that is due.
 */
export class TalkingProcess<Replies extends Reply> {
  readonly #child: ChildProcess;
  readonly #replies: Interface;

  constructor({ file, args, env }: ProcessCommand, order: object) {
    // A group of its own: what it starts ends with it. Its stdout is not the bench's, which is for the result.
    this.#child = spawn(file, [...args, JSON.stringify(order)], { env, stdio: ["pipe", 2, 2, "pipe"], detached: true });
    // Writing to a process that has died: its end is what is reported.
    this.#child.stdin?.on("error", () => {});
    this.#replies = createInterface({ input: this.#child.stdio[3] as Readable });
  }

  get pid(): number {
    return this.#child.pid ?? -1;
  }

  ask<Type extends Replies["type"]>(type: Type, request: object): Promise<Extract<Replies, { type: Type }>> {
    const answer = this.next(type);
    this.#child.stdin?.write(`${JSON.stringify(request)}\n`);
    return answer;
  }

  /** Its next reply, which must be of this type. */
  async next<Type extends Replies["type"]>(type: Type): Promise<Extract<Replies, { type: Type }>> {
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
      const reply = JSON.parse(line) as Replies | { readonly type: "failed"; readonly message: string };
      if ("message" in reply && reply.type === "failed") throw new Error(reply.message);
      if (reply.type !== type) throw new Error(`answered ${reply.type}, not ${type}`);
      return reply as Extract<Replies, { type: Type }>;
    } finally {
      ended.abort();
    }
  }

  /** Ends it and what it started, at once. */
  async close(): Promise<void> {
    this.#replies.close();
    const { pid, exitCode, signalCode } = this.#child;
    if (pid === undefined || exitCode !== null || signalCode !== null) return;
    const exited = once(this.#child, "exit");
    process.kill(-pid, "SIGKILL");
    await exited;
  }
}
