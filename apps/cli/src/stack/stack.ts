import { type ChildProcess, fork } from "node:child_process";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { AnnealError, type ErrorRecord, fromRecord } from "@anneal/contracts";
import { environmentEndpoint } from "../temporal/endpoint.ts";
import { endLeftovers } from "./leftovers.ts";
import { lockHolder } from "./lock.ts";
import { openLog, tailOf } from "./log-file.ts";
import { endProcess, identify, isAlive } from "./processes.ts";
import { readStackState, type StackState } from "./state.ts";

/** What a supervisor tells the command that started it. */
export type SupervisorMessage =
  | { readonly type: "note"; readonly text: string }
  | { readonly type: "ready"; readonly state: StackState }
  /** Another supervisor has this home already. */
  | { readonly type: "taken" }
  | { readonly type: "failed"; readonly error: ErrorRecord };

export type Log = (line: string) => void;

const readyLimitMs = 180_000;
/** Longer than the supervisor gives its worker and its server together. */
const stopLimitMs = 100_000;

function supervisorLogPath(home: string): string {
  return join(home, "logs", "supervisor.log");
}

/** The living stack of a home, ready or not, or null. */
export function runningStack(home: string): StackState | null {
  const state = readStackState(home);
  return state && isAlive(state.supervisor) ? state : null;
}

/**
 * Makes sure that the local stack runs, by a supervisor that outlives this process. Two calls at once start one stack.
 *
 * @throws AnnealError STACK_FAILED, SERVER_UNREACHABLE (for the server of `TEMPORAL_ADDRESS`), or what provisioning says.
 */
export async function startStack(
  home: string,
  log: Log,
): Promise<{ readonly state: StackState; readonly started: boolean }> {
  for (;;) {
    const state = await waitWhileChanging(home);
    if (state) {
      checkSameServer(state);
      return { state, started: false };
    }
    const started = await startSupervisor(home, log);
    if (started) return { state: started, started: true };
    await delay(100); // somebody else was faster: its state is about to appear
  }
}

/** Ends the stack and everything that belongs to it. False when there was nothing to end. */
export async function stopStack(home: string, log: Log): Promise<boolean> {
  const holder = await lockHolder(home);
  const supervisor = holder === null ? null : identify(holder);
  const hadState = readStackState(home) !== null;
  if (supervisor) await endProcess(supervisor, stopLimitMs);
  const hadLeftovers = await endLeftovers(home, log);
  return supervisor !== null || hadState || hadLeftovers;
}

/** Waits for a stack that is starting or stopping; the ready state, or null when there is no stack. */
async function waitWhileChanging(home: string): Promise<StackState | null> {
  const deadline = Date.now() + readyLimitMs;
  for (;;) {
    const state = runningStack(home);
    if (state?.status === "ready") return state;
    if (!state && (await lockHolder(home)) === null) return null;
    if (Date.now() > deadline) {
      throw new AnnealError(
        "STACK_FAILED",
        "Another supervisor of this ANNEAL_HOME has been starting or stopping for too long.",
        `End it with anneal down and look into ${supervisorLogPath(home)}.`,
        { supervisorPid: state?.supervisor.pid ?? null },
      );
    }
    await delay(100);
  }
}

/** Starts a supervisor and waits until its stack is ready; null when another supervisor was faster. */
function startSupervisor(home: string, log: Log): Promise<StackState | null> {
  const logFile = openLog(supervisorLogPath(home));
  const main = fileURLToPath(new URL("./supervisor-main.ts", import.meta.url));
  const child = fork(main, [], {
    detached: true,
    execArgv: [],
    stdio: ["ignore", logFile.descriptor, logFile.descriptor, "ipc"],
    env: { ...process.env, ANNEAL_HOME: home },
  });
  logFile.close();
  const interrupt = (): void => {
    child.kill("SIGTERM");
  };
  process.once("SIGINT", interrupt);
  return listen(child, home, log).finally(() => {
    process.off("SIGINT", interrupt);
    if (child.connected) child.disconnect();
    child.unref();
  });
}

function listen(child: ChildProcess, home: string, log: Log): Promise<StackState | null> {
  return new Promise((resolve, reject) => {
    child.on("message", (message: SupervisorMessage) => {
      if (message.type === "note") log(message.text);
      else if (message.type === "ready") resolve(message.state);
      else if (message.type === "taken") resolve(null);
      else reject(fromRecord(message.error));
    });
    child.on("error", reject);
    child.on("exit", (code, signal) => {
      reject(
        new AnnealError(
          "STACK_FAILED",
          `The supervisor ended before the stack was ready (${signal ?? `exit code ${code}`}). ${tailOf(supervisorLogPath(home), 3)}`,
          `Look into ${supervisorLogPath(home)}, then start again: anneal up`,
          { exitCode: code, signal },
        ),
      );
    });
  });
}

/** A worker serves one server: a stack for another one than the environment names must be ended first. */
function checkSameServer(state: StackState): void {
  const wanted = environmentEndpoint();
  const same = wanted
    ? state.mode === "remote" && state.address === wanted.address && state.namespace === wanted.namespace
    : state.mode === "local";
  if (same) return;
  throw new AnnealError(
    "STACK_FAILED",
    `The running worker serves ${state.address} (namespace ${state.namespace}), not ${wanted ? `${wanted.address} (namespace ${wanted.namespace})` : "a local server"}.`,
    "End it with anneal down and start again, or use another ANNEAL_HOME.",
    { address: state.address, namespace: state.namespace },
  );
}
