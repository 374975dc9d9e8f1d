import { AnnealError } from "@anneal/contracts";

/** What is to be done about a failure of the client library. */
export type Trouble =
  /** The cluster does not answer, or is busy with itself: it may later. */
  | "unreachable"
  | "denied"
  /** No such topic, or not the one that was meant. A broker that has just started may say so too. */
  | "noTopic"
  /** The offset is not there: deleted before, or never written. */
  | "noOffset"
  | "unknown";

const deniedIds = [
  "SASL_AUTHENTICATION_FAILED",
  "UNSUPPORTED_SASL_MECHANISM",
  "ILLEGAL_SASL_STATE",
  "TOPIC_AUTHORIZATION_FAILED",
  "GROUP_AUTHORIZATION_FAILED",
  "CLUSTER_AUTHORIZATION_FAILED",
];
const noTopicIds = [
  "UNKNOWN_TOPIC_OR_PARTITION",
  "UNKNOWN_TOPIC_ID",
  "INCONSISTENT_TOPIC_ID",
  "INVALID_TOPIC_EXCEPTION",
];
const tlsCodes = /^(ERR_TLS_|ERR_SSL_|DEPTH_ZERO_|SELF_SIGNED_|UNABLE_TO_|CERT_|HOSTNAME_MISMATCH|ERR_OSSL)/;

export function troubleOf(cause: unknown): Trouble {
  const reasons = reasonsOf(cause) as readonly (Error & Readonly<Record<string, unknown>>)[];
  const is = (property: string, values: readonly unknown[]) =>
    reasons.some((reason) => values.includes(reason[property]));
  if (is("code", ["PLT_KFK_AUTHENTICATION"]) || is("apiId", deniedIds)) return "denied";
  if (reasons.some(({ code }) => tlsCodes.test(String(code ?? "")))) return "denied";
  // One of the two speaks TLS, and the other does not.
  if (reasons.some(({ code, message }) => code === "PLT_KFK_USER" && message.includes("TLS"))) return "denied";
  if (is("apiId", ["OFFSET_OUT_OF_RANGE"])) return "noOffset";
  if (is("apiId", noTopicIds) || reasons.some(({ message }) => message.startsWith("Unknown topic"))) return "noTopic";
  if (is("canRetry", [true]) || is("code", ["PLT_KFK_NETWORK", "PLT_KFK_TIMEOUT"])) return "unreachable";
  return "unknown";
}

/** The error and all that caused it: the library wraps what the system says several times. */
function reasonsOf(cause: unknown, depth = 0): readonly NodeJS.ErrnoException[] {
  if (!(cause instanceof Error) || depth > 8) return [];
  const inner = "errors" in cause && Array.isArray(cause.errors) ? cause.errors : [];
  return [cause, ...[...inner, cause.cause].flatMap((reason) => reasonsOf(reason, depth + 1))];
}

/** The innermost reasons in words, each once. */
function reasonOf(cause: unknown): string {
  const all = reasonsOf(cause);
  const innermost = all.filter((reason) => reasonsOf(reason).length === 1);
  const said = innermost.map((reason) => {
    const { serverErrorMessage } = reason as { serverErrorMessage?: string | null };
    return serverErrorMessage || reason.message || (reason.code ?? "unknown");
  });
  return [...new Set(said)].slice(0, 3).join("; ") || String(cause);
}

export function brokerUnreachable(brokers: readonly string[], cause: unknown, forMs: number): AnnealError {
  const reason = reasonOf(cause);
  const since = forMs >= 60_000 ? ` for ${Math.round(forMs / 60_000)} minutes` : "";
  return new AnnealError(
    "BROKER_UNREACHABLE",
    `No Kafka broker of ${brokers.join(", ")} answers${since}: ${reason}`,
    "Start the cluster, or correct the brokers in the recipe; the run goes on from its last checkpoint.",
    { brokers: brokers.join(", "), reason },
    { cause },
  );
}

export function accessDenied(brokers: readonly string[], cause: unknown): AnnealError {
  const reason = reasonOf(cause);
  return new AnnealError(
    "BROKER_ACCESS_DENIED",
    `The Kafka cluster at ${brokers.join(", ")} refuses this client: ${reason}`,
    "Check user, password and certificates (sasl, tls) and what the cluster allows them: to read and describe the topic, and to read the group.",
    { brokers: brokers.join(", "), reason },
    { cause },
  );
}

export function topicNotFound(
  topic: string,
  brokers: readonly string[],
  why = "there is none of this name",
): AnnealError {
  return new AnnealError(
    "TOPIC_NOT_FOUND",
    `The topic "${topic}" is not on ${brokers.join(", ")}: ${why}.`,
    "Correct the topic's name or the brokers. A run whose topic was deleted cannot go on: start a new one, with its checkpoint as initialWeights.",
    { topic, brokers: brokers.join(", "), reason: why },
  );
}

export function topicReplaced(topic: string, expected: string, found: string): AnnealError {
  return new AnnealError(
    "DATASET_CHANGED",
    `The topic "${topic}" was deleted and made again: its offsets mean other records now.`,
    "Start a new run on it, with this run's checkpoint as initialWeights.",
    { topic, expected, found },
  );
}

export function offsetsExpired(topic: string, partition: number, wanted: number, first: number): AnnealError {
  return new AnnealError(
    "OFFSETS_EXPIRED",
    `Partition ${partition} of "${topic}" begins at offset ${first} now: ${first - wanted} from ${wanted} on are gone before they were trained.`,
    "Keep the topic's records for longer (retention.ms, retention.bytes). To go on without them, start a new run from this run's checkpoint as initialWeights.",
    { topic, partition, wanted, first },
  );
}

export function offsetsLost(topic: string, partition: number, expected: number, found: number): AnnealError {
  return new AnnealError(
    "DATASET_CHANGED",
    `Partition ${partition} of "${topic}" ends at offset ${found}, and had ${expected} when the run was prepared: the cluster has lost records.`,
    "Start a new run on what there is, with this run's checkpoint as initialWeights.",
    { topic, partition, expected, found },
  );
}
