import { setTimeout as delay } from "node:timers/promises";
import { AnnealError, searchAttributes } from "@anneal/contracts";
import type { ConnectionLike } from "@temporalio/client";
import { defineSearchAttributeKey } from "@temporalio/common";
import { grpcCode, grpcCodes } from "./endpoint.ts";

type SearchAttributeName = keyof typeof searchAttributes;
type SearchAttributeTypeName = (typeof searchAttributes)[SearchAttributeName];

/** Numbers of Temporal's `IndexedValueType`: what its operator API speaks. */
const indexedValueTypes: Readonly<Record<SearchAttributeTypeName, number>> = { KEYWORD: 2, INT: 3, DOUBLE: 4 };
/** A value of each type as queries have it. */
const literals: Readonly<Record<SearchAttributeTypeName, string>> = { KEYWORD: "''", INT: "0", DOUBLE: "0.0" };

const attributeNames = Object.keys(searchAttributes) as SearchAttributeName[];

const usableLimitMs = 20_000;

export const searchAttributeKeys = Object.fromEntries(
  attributeNames.map((name) => [name, defineSearchAttributeKey(name, searchAttributes[name])]),
) as {
  readonly [Name in SearchAttributeName]: ReturnType<typeof defineSearchAttributeKey<(typeof searchAttributes)[Name]>>;
};

/**
 * Registers the search attributes of runs where they are missing, and returns once they can be used: the server's
 * parts learn of them one after another. May be called any number of times.
 *
 * @throws AnnealError STACK_FAILED when a name is taken by another type, or they do not become usable.
 */
export async function ensureSearchAttributes(connection: ConnectionLike, namespace: string): Promise<void> {
  const missing = await findMissing(connection, namespace);
  if (missing !== null && missing.length > 0) await register(connection, namespace, missing);
  await waitUntilUsable(connection, namespace);
}

/** Names not registered yet; null when this server does not let us look (Temporal Cloud). */
async function findMissing(connection: ConnectionLike, namespace: string): Promise<SearchAttributeName[] | null> {
  try {
    const { customAttributes } = await connection.operatorService.listSearchAttributes({ namespace });
    return attributeNames.flatMap((name) => {
      const type = searchAttributes[name];
      const registered = customAttributes[name];
      if (registered === undefined) return [name];
      if (registered === indexedValueTypes[type]) return [];
      throw new AnnealError(
        "STACK_FAILED",
        `Namespace "${namespace}" has a search attribute ${name} that is not of type ${type}.`,
        "Use another namespace (TEMPORAL_NAMESPACE), or remove that search attribute.",
        { namespace, name },
      );
    });
  } catch (error) {
    if (mayNotOperate(error)) return null;
    throw error;
  }
}

async function register(
  connection: ConnectionLike,
  namespace: string,
  names: readonly SearchAttributeName[],
): Promise<void> {
  const wanted = Object.fromEntries(names.map((name) => [name, indexedValueTypes[searchAttributes[name]]]));
  try {
    await connection.operatorService.addSearchAttributes({ namespace, searchAttributes: wanted });
  } catch (error) {
    // Another `up` was faster, or the server leaves this to its own tools: whether they can be used is what counts.
    if (grpcCode(error) !== grpcCodes.alreadyExists && !mayNotOperate(error)) throw error;
  }
}

async function waitUntilUsable(connection: ConnectionLike, namespace: string): Promise<void> {
  const query = attributeNames.map((name) => `${name} = ${literals[searchAttributes[name]]}`).join(" AND ");
  const deadline = Date.now() + usableLimitMs;
  for (;;) {
    try {
      await connection.workflowService.countWorkflowExecutions({ namespace, query });
      return;
    } catch (cause) {
      if (Date.now() > deadline) throw notUsable(namespace, cause);
      await delay(200);
    }
  }
}

function notUsable(namespace: string, cause: unknown): AnnealError {
  const flags = Object.entries(searchAttributes).map(([name, type]) => `--name ${name} --type ${type}`);
  return new AnnealError(
    "STACK_FAILED",
    `The search attributes of runs cannot be used in namespace "${namespace}".`,
    `Register them: ${flags.map((flag) => `temporal operator search-attribute create ${flag}`).join("; ")}`,
    { namespace },
    { cause },
  );
}

function mayNotOperate(error: unknown): boolean {
  const code = grpcCode(error);
  return code === grpcCodes.permissionDenied || code === grpcCodes.unimplemented || code === 16;
}
