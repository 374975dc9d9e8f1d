import { AnnealError, type ErrorFacts } from "@anneal/contracts";
import { Client, Connection, type ConnectionOptions } from "@temporalio/client";
import { loadClientConnectConfig } from "@temporalio/envconfig";
import { log } from "../output.ts";
import { isAlive } from "../stack/processes.ts";
import { readStackState, type StackState } from "../stack/state.ts";

/** A Temporal server and how to talk to it. */
export interface Endpoint {
  readonly address: string;
  readonly namespace: string;
  /** Base of the web UI, null where it is not known. */
  readonly uiUrl: string | null;
  readonly options: ConnectionOptions;
  /** The server that the supervisor runs. */
  readonly isLocal: boolean;
}

/** A connected client with what commands need to know about its server. Close it, or the process will not end. */
export interface Session extends AsyncDisposable {
  readonly client: Client;
  readonly endpoint: Endpoint;
  /** Link to a run in the web UI, null where the UI is not known. */
  runUrl(runId: string): string | null;
}

const connectTimeoutMs = 5_000;
/** Silence that a person takes for a command that hangs. */
const quietMs = 1_000;
const defaultNamespace = "default";

/**
 * The server that the environment names, or null: `TEMPORAL_ADDRESS`, or a profile chosen on purpose by
 * `TEMPORAL_PROFILE` or `TEMPORAL_CONFIG_FILE`. A profile that merely exists in the home folder is not enough to send
 * trainings away from this machine.
 *
 * @throws AnnealError USAGE for a profile or file of settings that cannot be used
 */
export function environmentEndpoint(): Endpoint | null {
  const { TEMPORAL_ADDRESS, TEMPORAL_PROFILE, TEMPORAL_CONFIG_FILE } = process.env;
  if (!TEMPORAL_ADDRESS && !TEMPORAL_PROFILE && !TEMPORAL_CONFIG_FILE) return null;
  const config = readSettings();
  const { address, tls, apiKey, metadata } = config.connectionOptions;
  if (!address) return null;
  return {
    address,
    namespace: config.namespace ?? defaultNamespace,
    uiUrl: process.env.ANNEAL_UI_URL?.replace(/\/+$/, "") || null,
    isLocal: false,
    options: {
      address,
      ...(tls === undefined ? {} : { tls }),
      ...(apiKey === undefined ? {} : { apiKey }),
      ...(metadata === undefined ? {} : { metadata }),
    },
  };
}

function readSettings(): ReturnType<typeof loadClientConnectConfig> {
  try {
    return loadClientConnectConfig();
  } catch (cause) {
    throw settingsUnusable(cause, {});
  }
}

/** Namespace of the local server: `TEMPORAL_NAMESPACE`, or `default`. */
export function localNamespace(): string {
  return process.env.TEMPORAL_NAMESPACE || defaultNamespace;
}

export function localEndpoint(state: Pick<StackState, "address" | "namespace" | "uiUrl">): Endpoint {
  const { address, namespace, uiUrl } = state;
  return { address, namespace, uiUrl, options: { address }, isLocal: true };
}

/** The server that commands talk to: the environment's, else the local stack's. Null when there is neither. */
export function findEndpoint(home: string): Endpoint | null {
  const environment = environmentEndpoint();
  if (environment) return environment;
  const state = readStackState(home);
  if (state?.mode !== "local") return null;
  const alive = isAlive(state.supervisor) || (state.server !== null && isAlive(state.server));
  return alive ? localEndpoint(state) : null;
}

/**
 * Connects to the server that `findEndpoint` finds.
 *
 * @throws AnnealError SERVER_UNREACHABLE after five seconds, or at once when there is no server to talk to.
 */
export async function openSession(home: string): Promise<Session> {
  const endpoint = findEndpoint(home);
  if (endpoint) return connectSession(endpoint);
  const state = readStackState(home);
  const remedy =
    state?.mode === "remote"
      ? `The worker of this ANNEAL_HOME serves another server: set TEMPORAL_ADDRESS=${state.address}.`
      : "Start the local one: anneal up";
  throw new AnnealError("SERVER_UNREACHABLE", "No Temporal server is running here.", remedy);
}

export async function connectSession(endpoint: Endpoint, timeoutMs = connectTimeoutMs): Promise<Session> {
  const connecting = setTimeout(() => log(`connecting to ${endpoint.address}…`), quietMs);
  const connection = await connectTo(endpoint, timeoutMs).finally(() => clearTimeout(connecting));
  return {
    client: new Client({ connection, namespace: endpoint.namespace }),
    endpoint,
    runUrl: (runId) => runUrl(endpoint, runId),
    [Symbol.asyncDispose]: () => connection.close(),
  };
}

/** Connects and checks that the namespace exists. Throws USAGE for what is no address, SERVER_UNREACHABLE, STACK_FAILED. */
export async function connectTo(endpoint: Endpoint, timeoutMs = connectTimeoutMs): Promise<Connection> {
  const { namespace } = endpoint;
  const connection = createConnection(endpoint, timeoutMs);
  try {
    await connection.withDeadline(Date.now() + timeoutMs, async () => {
      await connection.ensureConnected();
      await connection.workflowService.describeNamespace({ namespace });
    });
    return connection;
  } catch (cause) {
    await connection.close();
    throw grpcCode(cause) === grpcCodes.notFound ? namespaceMissing(endpoint, cause) : unreachable(endpoint, cause);
  }
}

function createConnection({ address, options }: Endpoint, timeoutMs: number): Connection {
  try {
    return Connection.lazy({ ...options, connectTimeout: timeoutMs });
  } catch (cause) {
    throw settingsUnusable(cause, { address });
  }
}

function settingsUnusable(cause: unknown, facts: ErrorFacts): AnnealError {
  return new AnnealError(
    "USAGE",
    `Temporal's settings in the environment cannot be used: ${cause instanceof Error ? cause.message.trim() : String(cause)}`,
    "Correct TEMPORAL_ADDRESS (as in temporal.example:7233) or what else TEMPORAL_* names; unset them to use a local server.",
    facts,
    { cause },
  );
}

function namespaceMissing({ address, namespace }: Endpoint, cause: unknown): AnnealError {
  return new AnnealError(
    "STACK_FAILED",
    `The Temporal server at ${address} has no namespace "${namespace}".`,
    `Create it (temporal operator namespace create -n ${namespace}) or set TEMPORAL_NAMESPACE.`,
    { address, namespace },
    { cause },
  );
}

function unreachable({ address, namespace, isLocal }: Endpoint, cause: unknown): AnnealError {
  return new AnnealError(
    "SERVER_UNREACHABLE",
    `The Temporal server at ${address} does not answer: ${cause instanceof Error ? cause.message : String(cause)}`,
    isLocal
      ? "Start the local server: anneal up"
      : "Check TEMPORAL_ADDRESS, TLS and API key settings; unset TEMPORAL_ADDRESS to use a local server (anneal up).",
    { address, namespace },
    { cause },
  );
}

function runUrl(endpoint: Pick<Endpoint, "uiUrl" | "namespace">, runId: string): string | null {
  if (endpoint.uiUrl === null) return null;
  return `${endpoint.uiUrl}/namespaces/${encodeURIComponent(endpoint.namespace)}/workflows/${encodeURIComponent(runId)}`;
}

/** The few gRPC status codes that decide something here. */
export const grpcCodes = {
  deadlineExceeded: 4,
  notFound: 5,
  alreadyExists: 6,
  permissionDenied: 7,
  unimplemented: 12,
  unavailable: 14,
};

/** The gRPC status of an error, looked for through its causes. */
export function grpcCode(error: unknown): number | null {
  for (let current = error; current instanceof Error; current = current.cause) {
    const code = (current as { code?: unknown }).code;
    if (typeof code === "number") return code;
  }
  return null;
}
