import { AnnealError, type RunSpecInput, runSpecSchema, threadsSchema } from "@anneal/contracts";
import type { ParameterDescription } from "@anneal/training";
import { z } from "zod";
import { formatDurationFlag, kebabCase, parseDurationMs } from "./options.ts";

/** What `runSpecSchema` has beside the recipe and its parameters, as flags: nested names joined by dashes. */
interface Setting {
  /** `--checkpoint-keep-last`. */
  readonly flag: string;
  /** Where it stands in the spec: `checkpoint`, `keepLast`. */
  readonly path: readonly string[];
  readonly schema: z.ZodType;
  readonly notation: "plain" | "duration" | "threads";
}

/** Flags that were given, as written, by flag. */
export type GivenSettings = Readonly<Record<string, string>>;

/** Not settings: they have arguments and flags of their own. */
const notSettings = new Set(["recipe", "parameters"]);
/** Left out of flags: `--precision` says it all. */
const silentNames = new Set(["policy"]);

const settings: readonly Setting[] = settingsOf(runSpecSchema, []).filter(
  ({ path }) => !notSettings.has(path[0] ?? ""),
);

/**
 * Every setting of a run as a row of `--help`; the name is the flag. The describing is the one of recipes' parameters,
 * so TensorFlow.js comes with it.
 */
export async function describeSettings(): Promise<readonly ParameterDescription[]> {
  const { describeParameters } = await import("@anneal/training");
  const rows = describeParameters({
    parameters: z.object(Object.fromEntries(settings.map((s) => [s.flag, s.schema]))),
  });
  const ofThreads = describeParameters({ parameters: threadsSchema })[0]?.allowed;
  return rows.map((row, index) => {
    const notation = settings[index]?.notation;
    if (notation === "duration") return asDuration(row);
    return notation === "threads" ? { ...row, type: "intra[,inter]", allowed: `${ofThreads}, or two as in 4,2` } : row;
  });
}

/**
 * The settings that were given, read and checked, as part of a run's spec.
 *
 * @throws AnnealError PARAMETER_INVALID that names every problem at once, USAGE for what is no duration
 */
export async function parseSettings(given: GivenSettings): Promise<Partial<RunSpecInput>> {
  const [{ parseParameters }, rows] = await Promise.all([import("@anneal/training"), describeSettings()]);
  const schemas = settings.map((setting, index) => [setting.flag, readable(setting, rows[index]?.allowed ?? "")]);
  const parameters = z.object(Object.fromEntries(schemas) as Record<string, z.ZodType>);
  const values = withRemedy(() => parseParameters({ name: "settings of the run", parameters }, given));
  const spec: Record<string, unknown> = {};
  for (const { flag, path } of settings) if (values[flag] !== undefined) place(spec, path, values[flag]);
  return spec;
}

function settingsOf(schema: z.ZodObject, path: readonly string[]): Setting[] {
  return Object.entries(schema.shape).flatMap(([name, field]) => {
    const here = [...path, name];
    const flag = `--${here
      .filter((part) => !silentNames.has(part))
      .map(kebabCase)
      .join("-")}`;
    if (name === "threads") return [{ flag, path: here, schema: field, notation: name }];
    const inner = unwrap(field);
    if (inner instanceof z.ZodObject) return settingsOf(inner, here);
    if (!name.endsWith("Ms")) return [{ flag, path: here, schema: field, notation: "plain" }];
    return [{ flag: flag.slice(0, -"-ms".length), path: here, schema: field, notation: "duration" }];
  });
}

/** What is inside a field's default or behind its question mark. */
function unwrap(field: unknown): unknown {
  const isWrapped = field instanceof z.ZodDefault || field instanceof z.ZodPrefault || field instanceof z.ZodOptional;
  return isWrapped ? unwrap(field.unwrap()) : field;
}

/** A setting's schema over what a person writes. */
function readable({ flag, schema, notation }: Setting, allowed: string): z.ZodType {
  if (notation === "duration") return written(schema, (text) => parseDurationMs(text, flag), allowed);
  if (notation === "threads") return written(schema, parseThreads, allowed);
  return schema;
}

function written(schema: z.ZodType, read: (text: string) => unknown, allowed: string): z.ZodType {
  return z
    .string()
    .transform((text, context) => {
      const parsed = schema.safeParse(read(text));
      if (parsed.success) return parsed.data;
      context.addIssue({ code: "custom", message: `must be ${allowed}, not ${text}` });
      return z.NEVER;
    })
    .optional();
}

/** `4`: four threads within an op and for several at a time; `4,2`: four within an op, two ops at a time. */
function parseThreads(text: string): { intraOp: number; interOp: number } | null {
  const [, intraOp, interOp = intraOp] = /^(\d+)(?:,(\d+))?$/.exec(text) ?? [];
  return intraOp === undefined ? null : { intraOp: Number(intraOp), interOp: Number(interOp) };
}

/** A number of milliseconds as a person reads and writes it. */
function asDuration(row: ParameterDescription): ParameterDescription {
  const allowed = row.allowed
    .replace("an integer", "a duration")
    .replaceAll(/\d+/g, (milliseconds) => formatDurationFlag(Number(milliseconds)));
  return { ...row, type: "duration", allowed, default: formatDurationFlag(Number(row.default)) };
}

function withRemedy<T>(parse: () => T): T {
  try {
    return parse();
  } catch (cause) {
    throw cause instanceof AnnealError && cause.code === "PARAMETER_INVALID" ? ofFlags(cause) : cause;
  }
}

/** The remedy of a recipe's parameters is not that of flags. */
function ofFlags(cause: AnnealError): AnnealError {
  const { code, message, facts } = cause;
  return new AnnealError(code, message, "Correct the flag; --help shows what it takes.", facts, { cause });
}

function place(spec: Record<string, unknown>, path: readonly string[], value: unknown): void {
  const [name = "", ...inner] = path;
  if (inner.length === 0) spec[name] = value;
  else {
    spec[name] ??= {};
    place(spec[name] as Record<string, unknown>, inner, value);
  }
}
