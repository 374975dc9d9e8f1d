import { AnnealError } from "@anneal/contracts";
import type { Graph, Node } from "@anneal/graph";

/** What of a graph a format has not. */
export interface MissingOp {
  readonly op: string;
  /** Empty where no layer is known. */
  readonly layer: string;
}

/** Ops of a graph that no row writes, each layer's once. */
export function missingOps({ nodes }: Graph, rows: Readonly<Record<string, unknown>>): readonly MissingOp[] {
  const found = new Map<string, MissingOp>();
  for (const { op, scope } of nodes) {
    if (!Object.hasOwn(rows, op)) found.set(`${op} ${scope}`, { op, layer: scope });
  }
  return [...found.values()];
}

/** Says every op that no row writes, before anything is written; `reasons` say why an op has none. */
export function missingRows(
  format: string,
  missing: readonly MissingOp[],
  reasons: Readonly<Record<string, string>>,
): AnnealError {
  const [first] = missing;
  const shown = missing.map(({ op, layer }) => (layer === "" ? op : `${op} (${layer})`)).join(", ");
  const why = [...new Set(missing.map(({ op }) => op))].map((op) => `${op} ${reasons[op] ?? "has no row"}`).join("; ");
  return new AnnealError(
    "EXPORT_UNSUPPORTED",
    `the model cannot be written as ${format} for ${shown}: ${why}`,
    "Write those layers with other ops, or export to another format.",
    { format, op: first?.op ?? "", layer: first?.layer ?? "" },
  );
}

/** A call that the format has no way to say. */
export function unsupportedOp(format: string, { op, scope }: Node, problem: string): AnnealError {
  const where = scope === "" ? "" : ` in ${scope}`;
  return new AnnealError(
    "EXPORT_UNSUPPORTED",
    `the model cannot be written as ${format}: ${op}${where} ${problem}`,
    "Write that layer with other ops, or export to another format.",
    { format, op, layer: scope },
  );
}

/** A format that is not written in a precision. */
export function unsupportedPrecision(format: string, precision: string, has: readonly string[]): AnnealError {
  return new AnnealError(
    "EXPORT_UNSUPPORTED",
    `${format} is not written in ${precision}`,
    `Export it in ${has.join(" or ")}, or to another format.`,
    { format, precision },
  );
}
