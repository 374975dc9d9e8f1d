import { createActivities, type Trainer, TrainerPool, writeReport } from "@anneal/activities";
import { type ComparingActivities, heartbeatIntervalMs, progressSignalName, taskQueue } from "@anneal/contracts";
import { Client, Connection } from "@temporalio/client";
import { loadClientConnectConfig } from "@temporalio/envconfig";
import { NativeConnection, Runtime, Worker } from "@temporalio/worker";
import { workflowBundle } from "./workflow-bundle.ts";

export interface WorkerSettings {
  readonly cacheDirectory: string;
  /** Where runs and comparisons are kept. */
  readonly home: string;
  /** Trainers at a time on this machine; further runs queue. */
  readonly numTrainers: number;
  readonly spawnTrainer: (runId: string) => Promise<Trainer>;
  /** Called once the worker polls. */
  readonly onReady: () => void;
}

export interface RunningWorker {
  /** Hands over: running segments commit a checkpoint and end as preempted; then the worker stops polling. */
  shutdown(): void;
  /** Resolves when the worker has stopped. */
  readonly stopped: Promise<void>;
}

/** Activities that wait in line hold a place each: far more places than trainers. */
const maxActivities = 500;

/** Wires Temporal to the trainers of this machine and starts polling. */
export async function startWorker(settings: WorkerSettings): Promise<RunningWorker> {
  const { logger } = Runtime.instance();
  const { connectionOptions, namespace = "default" } = loadClientConnectConfig({
    // The local stack's server is named by the environment alone; the library cannot read an empty file.
    disableFile: process.env.TEMPORAL_CONFIG_FILE === "/dev/null",
  });
  const bundle = workflowBundle(settings.cacheDirectory, logger);
  const [connection, clientConnection, codePath] = await Promise.all([
    NativeConnection.connect(connectionOptions),
    Connection.connect(connectionOptions),
    bundle,
  ]);
  const client = new Client({ connection: clientConnection, namespace });
  const pool = new TrainerPool(settings.numTrainers, settings.spawnTrainer);
  const comparing: ComparingActivities = { writeReport: (input) => writeReport(settings.home, input) };
  const worker = await Worker.create({
    connection,
    namespace,
    taskQueue,
    workflowBundle: { codePath },
    activities: {
      ...createActivities({
        pool,
        workerPid: process.pid,
        signalProgress: (runId, progress) => client.workflow.getHandle(runId).signal(progressSignalName, progress),
      }),
      ...comparing,
    },
    maxConcurrentActivityTaskExecutions: maxActivities,
    // Cancellation comes back with a heartbeat's answer: throttled heartbeats would make it late.
    maxHeartbeatThrottleInterval: heartbeatIntervalMs,
    defaultHeartbeatThrottleInterval: heartbeatIntervalMs,
    // A dead worker's cached workflows are given to another one after this; the default of 10 s would delay every recovery.
    stickyQueueScheduleToStartTimeout: "1 second",
    shutdownGraceTime: 0,
    shutdownForceTime: "2 minutes",
  });
  const stopped = runUntilStopped(worker, async () => {
    await pool.close();
    await Promise.allSettled([connection.close(), clientConnection.close()]);
  });
  settings.onReady();
  return { shutdown: () => worker.shutdown(), stopped };
}

async function runUntilStopped(worker: Worker, cleanUp: () => Promise<void>): Promise<void> {
  try {
    await worker.run();
  } finally {
    await cleanUp();
  }
}
