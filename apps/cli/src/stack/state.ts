import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { bootId } from "./processes.ts";

const processSchema = z.strictObject({ pid: z.int(), startTicks: z.int() });

const stackStateSchema = z.strictObject({
  version: z.literal(1),
  bootId: z.string(),
  status: z.enum(["starting", "ready", "stopping"]),
  /** `local`: the supervisor runs a server; `remote`: the server of `TEMPORAL_ADDRESS` is used. */
  mode: z.enum(["local", "remote"]),
  address: z.string(),
  namespace: z.string(),
  /** Base of the web UI, without a slash at the end; null where it is not known. */
  uiUrl: z.string().nullable(),
  supervisor: processSchema,
  server: processSchema.nullable(),
  worker: processSchema.nullable(),
  /** Restarts after a death, since `up`. */
  restarts: z.strictObject({ server: z.int(), worker: z.int() }),
  startedAt: z.iso.datetime(),
});

/** What `up.json` holds: enough to find every process of the stack again, even after a `kill -9` of the supervisor. */
export type StackState = z.infer<typeof stackStateSchema>;

function stateFile(home: string): string {
  return join(home, "up.json");
}

/** The stack's last written state, or null when there is none (never started, stopped, or the machine rebooted). */
export function readStackState(home: string): StackState | null {
  let text: string;
  try {
    text = readFileSync(stateFile(home), "utf8");
  } catch {
    return null;
  }
  const state = stackStateSchema.safeParse(parseJson(text));
  return state.success && state.data.bootId === bootId() ? state.data : null;
}

/** Replaces the state by one rename: a reader sees the old or the new one, never half of it. */
export function writeStackState(home: string, state: StackState): void {
  mkdirSync(home, { recursive: true });
  const draft = `${stateFile(home)}.${process.pid}`;
  writeFileSync(draft, `${JSON.stringify(state, null, 2)}\n`);
  renameSync(draft, stateFile(home));
}

export function removeStackState(home: string): void {
  rmSync(stateFile(home), { force: true });
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
