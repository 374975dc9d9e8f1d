import { AnnealError } from "@anneal/contracts";

const unitsMs: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** `500ms`, `30s`, `5m`, `2h`, `1d`, or several of them (`1h30m`), as milliseconds. */
export function parseDurationMs(text: string, flag: string): number {
  const parts = [...text.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h|d)/g)];
  const isWhole = parts.length > 0 && parts.map(([part]) => part).join("") === text;
  if (!isWhole) {
    throw new AnnealError(
      "USAGE",
      `${flag} takes a duration such as 500ms, 30s, 5m, 2h or 1d, not "${text}".`,
      `Write for example ${flag} 30s.`,
      { flag, value: text },
    );
  }
  return Math.round(parts.reduce((total, [, value, unit]) => total + Number(value) * (unitsMs[unit ?? ""] ?? 0), 0));
}

/** `name=value` pairs of a repeated `--param`. */
export function parsePairs(pairs: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    pairs.map((pair) => {
      const index = pair.indexOf("=");
      if (index > 0) return [pair.slice(0, index), pair.slice(index + 1)];
      throw new AnnealError("USAGE", `--param takes name=value, not "${pair}".`, "Write for example --param epochs=5.");
    }),
  );
}
