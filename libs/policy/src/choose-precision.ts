import type { ComputePrecision, PrecisionCandidate, PrecisionDecision } from "@anneal/contracts";
import type { Bfloat16Products } from "./bfloat16-products.ts";

/** What a device is, as far as 16-bit floats go. */
export interface HalfSupport {
  readonly device: "cpu" | "gpu";
  /** Those of the CPU. */
  readonly bfloat16Products: Bfloat16Products;
}

/**
 * Largest difference of a loss from that of float32 on the same batches, relative to the mean loss of the trial's steps, with which a
 * format is taken: batches differ from each other by far more.
 */
export const maxLossDifference = 0.02;
/** Below this a faster format may be the machine's mood, and float32 asks nobody to look at its accuracy. */
const leastGain = 0.05;

/** Formats that may be faster than float32 on such a device; a CPU whose products of them are slow gains nothing. */
export function precisionsWorthTrying({ device, bfloat16Products }: HalfSupport): readonly ComputePrecision[] {
  if (device === "gpu") return ["bfloat16", "float16"];
  return bfloat16Products === "fast" ? ["bfloat16"] : [];
}

/**
 * The fastest format whose losses stay with those of float32.
 *
 * @param candidates float32 first
 */
export function choosePrecision(candidates: readonly PrecisionCandidate[]): PrecisionDecision {
  const [float32, ...others] = candidates;
  if (float32 === undefined) throw new RangeError("nothing was measured");
  if (others.length === 0)
    return { precision: "float32", isAskedFor: false, why: "this device gains nothing by 16-bit floats", candidates };
  const best = others
    .filter(({ lossDifference }) => lossDifference <= maxLossDifference)
    .filter(({ milliseconds }) => 1 - milliseconds / float32.milliseconds >= leastGain)
    .reduce((least, next) => (next.milliseconds < least.milliseconds ? next : least), float32);
  const shown = candidates.map(describe).join(", ");
  const found = best === float32 ? "no format is clearly faster with losses as close as" : "fastest with losses within";
  return {
    precision: best.precision,
    isAskedFor: false,
    why: `${found} ${maxLossDifference * 100} % of float32's: ${shown} a step`,
    candidates,
  };
}

function describe({ precision, milliseconds, lossDifference }: PrecisionCandidate): string {
  const percent = lossDifference * 100;
  const words = Number.isFinite(percent) ? `loss ${percent.toPrecision(2)} % off` : "its loss was not finite";
  const difference = precision === "float32" ? "" : ` (${words})`;
  return `${precision} ${milliseconds.toPrecision(3)} ms${difference}`;
}
