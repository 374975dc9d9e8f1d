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

/** Milliseconds in the largest unit that says them exactly: `1m`, `1500ms`. */
export function formatDurationFlag(milliseconds: number): string {
  const [unit = "ms", size = 1] = Object.entries(unitsMs).findLast(([, each]) => milliseconds % each === 0) ?? [];
  return `${milliseconds / size}${unit}`;
}

/** `20GB`, `512MiB` as bytes. Throws USAGE. */
export function parseBytes(text: string, flag: string): number {
  const [, amount, letter = "", isBinary] = /^(\d+(?:\.\d+)?)([KMGT])(i?)B$/.exec(text) ?? [];
  if (amount === undefined) {
    throw new AnnealError(
      "USAGE",
      `${flag} takes an amount such as 512MiB or 20GB, not "${text}".`,
      `Write for example ${flag} 20GB.`,
      { flag, value: text },
    );
  }
  return Math.floor(Number(amount) * (isBinary ? 1_024 : 1_000) ** ("KMGT".indexOf(letter) + 1));
}

/** `keepLast` as a flag has it: `keep-last`. */
export function kebabCase(name: string): string {
  return name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
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

/** `0-9,42` as indices. Throws USAGE. */
export function parseIndices(text: string): number[] {
  return text.split(",").flatMap((part) => {
    const range = /^(\d+)(?:-(\d+))?$/.exec(part.trim());
    const first = Number(range?.[1]);
    const last = Number(range?.[2] ?? range?.[1]);
    if (!range || last < first || last - first >= maxIndices) {
      throw new AnnealError(
        "USAGE",
        `--test takes indices such as 0-9,42, at most ${maxIndices} in a range, not "${part}".`,
        "Write for example --test 0-9.",
      );
    }
    return Array.from({ length: last - first + 1 }, (_, offset) => first + offset);
  });
}

const maxIndices = 100_000;

/** A JSON list with one list of numbers a sample, nested as the input's shape or flat. Throws USAGE. */
export function parseInputs(text: string): number[][] {
  const problem = (what: string, cause?: unknown): AnnealError =>
    new AnnealError(
      "USAGE",
      `--input: ${what}.`,
      "Give a JSON list with one list of numbers a sample, for example [[0, 0.5], [1, 0]].",
      {},
      { cause },
    );
  let document: unknown;
  try {
    document = JSON.parse(text);
  } catch (cause) {
    throw problem("the file is not JSON", cause);
  }
  if (!Array.isArray(document)) throw problem("the file is not a list");
  return document.map((sample: unknown, index) => {
    const values = Array.isArray(sample) ? sample.flat(Number.POSITIVE_INFINITY) : null;
    if (values?.every((value): value is number => typeof value === "number")) return values;
    throw problem(`sample ${index} is not a list of numbers`);
  });
}
