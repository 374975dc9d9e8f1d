import { readFile } from "node:fs/promises";
import { AnnealError } from "@anneal/contracts";
import type { BaseOptions } from "@platformatic/kafka";

/** Where a secret is found: a variable of the environment of the trainer, or a file. The secret itself is never part of a recipe. */
export type Secret = { readonly env: string } | { readonly file: string };

export interface Sasl {
  readonly mechanism: "PLAIN" | "SCRAM-SHA-256" | "SCRAM-SHA-512";
  readonly username: string | Secret;
  readonly password: Secret;
}

export interface Tls {
  /** Absolute path of the certificates to trust, PEM; by default those of Node. */
  readonly ca?: string;
  /** Of the client, where brokers ask for one: absolute path of its certificate, PEM, and where its key is. */
  readonly cert?: string;
  readonly key?: Secret;
  /** The name that the broker's certificate must have; by default the address's. */
  readonly serverName?: string;
}

/** How brokers are reached. Plain data without secrets: it may be part of a history, a manifest, a log. */
export interface KafkaConnection {
  /** Some of the cluster's brokers, `host:port`. */
  readonly brokers: readonly string[];
  readonly sasl?: Sasl;
  /** `true` for TLS with the certificates that Node trusts. */
  readonly tls?: boolean | Tls;
}

/**
 * What the client library takes. Secrets are read now.
 *
 * @throws AnnealError BROKER_ACCESS_DENIED for a secret that is not there; DATASET_NOT_FOUND for a certificate that cannot be read
 */
export async function clientOptions(connection: KafkaConnection): Promise<BaseOptions> {
  const { brokers, sasl, tls } = connection;
  return {
    clientId: "anneal",
    bootstrapBrokers: [...brokers],
    // Whoever asks decides whether to ask again: the library's own patience is bounded, and says nothing meanwhile.
    retries: 0,
    connectTimeout: 5_000,
    requestTimeout: 15_000,
    metadataMaxAge: 60_000,
    autocreateTopics: false,
    ...(sasl && { sasl: await saslOptions(sasl) }),
    ...(tls && { tls: await tlsOptions(tls === true ? {} : tls) }),
    // Otherwise the address's own name, which Node takes by itself.
    ...(typeof tls === "object" && tls.serverName !== undefined && { tlsServerName: tls.serverName }),
  };
}

async function saslOptions({ mechanism, username, password }: Sasl): Promise<NonNullable<BaseOptions["sasl"]>> {
  return {
    mechanism,
    username: typeof username === "string" ? username : await readSecret(username, "user name"),
    password: await readSecret(password, "password"),
  };
}

async function tlsOptions({ ca, cert, key }: Tls): Promise<NonNullable<BaseOptions["tls"]>> {
  return {
    ...(ca !== undefined && { ca: await readCertificate(ca) }),
    ...(cert !== undefined && { cert: await readCertificate(cert) }),
    ...(key !== undefined && { key: await readSecret(key, "key") }),
  };
}

async function readSecret(secret: Secret, what: string): Promise<string> {
  if ("env" in secret) {
    const value = process.env[secret.env];
    if (value) return value;
    throw secretMissing(what, `the environment variable ${secret.env} is not set where the trainer runs`);
  }
  const text = await readFile(secret.file, "utf8").catch((cause: NodeJS.ErrnoException) => {
    throw secretMissing(what, `the file ${secret.file} cannot be read (${cause.code})`);
  });
  // Editors end a file with a line break, which is no part of a password.
  const value = text.replace(/\r?\n$/, "");
  if (value !== "") return value;
  throw secretMissing(what, `the file ${secret.file} is empty`);
}

async function readCertificate(path: string): Promise<string> {
  return readFile(path, "utf8").catch((cause: NodeJS.ErrnoException) => {
    throw new AnnealError(
      "DATASET_NOT_FOUND",
      `The certificate ${path} cannot be read: ${cause.code}.`,
      "Check the path in the recipe.",
      { path, reason: cause.code ?? "unknown" },
      { cause },
    );
  });
}

function secretMissing(what: string, why: string): AnnealError {
  return new AnnealError(
    "BROKER_ACCESS_DENIED",
    `The ${what} for the Kafka broker is missing: ${why}.`,
    "Set the variable for the worker, or write the file, then start or resume the run.",
    { reason: why },
  );
}
