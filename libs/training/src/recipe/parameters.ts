import { AnnealError, type Json } from "@anneal/contracts";
import { z } from "zod";
import type { ParameterSchema, Recipe } from "./define.ts";
import { suggest } from "./suggest.ts";

/** One parameter, as a line of `--help` or a form's field needs it. */
export interface ParameterDescription {
  readonly name: string;
  /** `integer`, `number`, `boolean`, `string`, `array`, `object`, or several joined by `|`. */
  readonly type: string;
  /** The values that are allowed, in words: "an integer from 1 to 10". */
  readonly allowed: string;
  readonly default: Json | undefined;
  readonly description: string;
}

/** The part of JSON Schema that zod writes and this module reads. */
interface JsonSchemaNode {
  readonly type?: string | readonly string[];
  readonly enum?: readonly Json[];
  readonly const?: Json;
  readonly default?: Json;
  readonly description?: string;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly exclusiveMinimum?: number;
  readonly exclusiveMaximum?: number;
  readonly multipleOf?: number;
  readonly items?: JsonSchemaNode;
  readonly anyOf?: readonly JsonSchemaNode[];
}

/** A recipe's parameters in the order in which they are declared. */
export function describeParameters(recipe: Pick<Recipe, "parameters">): readonly ParameterDescription[] {
  return Object.entries(schemaNodes(recipe.parameters)).map(([name, node]) => ({
    name,
    type: typesOf(node).join("|") || "any",
    allowed: describeAllowed(node),
    default: node.default,
    description: node.description ?? "",
  }));
}

/**
 * A recipe's parameters from what a person gave: JSON values, or strings as the command line has them ("0.1", "true",
 * "[1,2]"; "1,2" for an array). Names may be written with dashes (`batch-size`). What is not given has its default.
 *
 * @throws AnnealError PARAMETER_INVALID that names every problem at once
 */
export function parseParameters<Schema extends ParameterSchema>(
  recipe: Pick<Recipe<Schema>, "name" | "parameters">,
  raw: Readonly<Record<string, unknown>>,
): z.output<Schema> {
  const nodes = schemaNodes(recipe.parameters);
  const names = Object.keys(nodes);
  const problems: string[] = [];
  const values: Record<string, unknown> = {};
  for (const [given, value] of Object.entries(raw)) {
    const name = Object.hasOwn(nodes, given) ? given : camelCase(given);
    if (Object.hasOwn(nodes, name)) values[name] = fromText(value, nodes[name]!);
    else problems.push(unknownName(given, names));
  }
  const parsed = recipe.parameters.safeParse(values);
  if (parsed.success && problems.length === 0) return parsed.data as z.output<Schema>;
  const seen = new Set<string>();
  for (const issue of parsed.error?.issues ?? []) {
    const [name, ...inner] = issue.path.map(String);
    const path = issue.path.join(".");
    if (seen.has(path)) continue;
    seen.add(path);
    const node = name === undefined ? undefined : nodes[name];
    if (node === undefined || inner.length > 0 || issue.code === "custom")
      problems.push(`${path || "parameters"}: ${issue.message}`);
    else if (values[name!] === undefined) problems.push(`${name} is missing: it must be ${describeAllowed(node)}`);
    // Of a text that is wrong the schema alone knows why: a pattern, a length.
    else if (typesOf(node).join() === "string" && !node.enum && issue.code !== "invalid_type")
      problems.push(`${name}: ${issue.message}, not ${JSON.stringify(values[name!])}`);
    else problems.push(`${name} must be ${describeAllowed(node)}, not ${JSON.stringify(values[name!])}`);
  }
  throw new AnnealError(
    "PARAMETER_INVALID",
    `${recipe.name}: ${problems.join("; ")}`,
    names.length === 0 ? "This recipe has no parameters." : `The recipe's parameters are: ${names.join(", ")}.`,
    { recipe: recipe.name, numProblems: problems.length, problems: problems.join("; ") },
  );
}

function schemaNodes(schema: ParameterSchema): Readonly<Record<string, JsonSchemaNode>> {
  const document = z.toJSONSchema(schema, { io: "input", unrepresentable: "any" });
  return (document.properties ?? {}) as Record<string, JsonSchemaNode>;
}

function typesOf(node: JsonSchemaNode): readonly string[] {
  if (node.anyOf) return [...new Set(node.anyOf.flatMap(typesOf))];
  if (node.type === undefined) return node.const === undefined ? [] : [typeof node.const];
  return typeof node.type === "string" ? [node.type] : node.type;
}

/** A string as the parameter's own type, where it can be read so; the schema judges the result. */
function fromText(value: unknown, node: JsonSchemaNode): unknown {
  if (typeof value !== "string") return value;
  const types = typesOf(node);
  if (types.includes("string")) return value;
  const text = value.trim();
  if ((types.includes("number") || types.includes("integer")) && text !== "" && Number.isFinite(Number(text))) {
    return Number(text);
  }
  if (types.includes("boolean") && (text === "true" || text === "false")) return text === "true";
  if (types.includes("array") && !text.startsWith("[")) {
    return text === "" ? [] : text.split(",").map((part) => fromText(part, node.items ?? {}));
  }
  try {
    return JSON.parse(text);
  } catch {
    return value;
  }
}

function describeAllowed(node: JsonSchemaNode): string {
  if (node.enum) return `one of ${node.enum.map((value) => JSON.stringify(value)).join(", ")}`;
  if (node.const !== undefined) return JSON.stringify(node.const);
  if (node.anyOf) return node.anyOf.map(describeAllowed).join(" or ");
  return (
    typesOf(node)
      .map((type) => describeType(type, node))
      .join(" or ") || "a value that the recipe accepts"
  );
}

function describeType(type: string, node: JsonSchemaNode): string {
  switch (type) {
    case "integer":
      return `an integer${describeRange(node)}`;
    case "number":
      return `a number${describeRange(node)}`;
    case "boolean":
      return "true or false";
    case "array":
      return node.items ? `a list, each ${describeAllowed(node.items)}` : "a list";
    case "string":
      return "a text";
    default:
      return type === "null" ? "null" : `an ${type}`;
  }
}

function describeRange(node: JsonSchemaNode): string {
  // zod bounds every integer by what float64 holds exactly: nothing that a person asked for.
  const isReal = (bound: number | undefined): bound is number =>
    bound !== undefined && Math.abs(bound) < Number.MAX_SAFE_INTEGER;
  const parts: string[] = [];
  if (isReal(node.minimum) && isReal(node.maximum)) parts.push(`from ${node.minimum} to ${node.maximum}`);
  else if (isReal(node.minimum)) parts.push(`of at least ${node.minimum}`);
  else if (isReal(node.maximum)) parts.push(`of at most ${node.maximum}`);
  if (isReal(node.exclusiveMinimum)) parts.push(`above ${node.exclusiveMinimum}`);
  if (isReal(node.exclusiveMaximum)) parts.push(`below ${node.exclusiveMaximum}`);
  if (isReal(node.multipleOf)) parts.push(`divisible by ${node.multipleOf}`);
  return parts.length === 0 ? "" : ` ${parts.join(" and ")}`;
}

function unknownName(given: string, names: readonly string[]): string {
  const closest = suggest(given, names);
  return `there is no parameter "${given}"${closest === null ? "" : `; did you mean "${closest}"?`}`;
}

function camelCase(name: string): string {
  return name.replaceAll(/-([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
}
