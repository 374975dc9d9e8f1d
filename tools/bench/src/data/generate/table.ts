import { readFileSync } from "node:fs";
import { open, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { RandomStream } from "@anneal/sources";
import { generated } from "./cached.ts";

const seed = 20_261_124;
const numRowsAtOnce = 10_000;

/** The numbers, each with its mean and spread: of different sizes, as measurements are. */
const numbers = [
  { name: "age", mean: 42, spread: 12, digits: 0 },
  { name: "income", mean: 38_000, spread: 9_000, digits: 2 },
  { name: "balance", mean: 0, spread: 2_500, digits: 2 },
  { name: "height", mean: 1.72, spread: 0.09, digits: 3 },
  { name: "weight", mean: 74, spread: 13, digits: 1 },
  { name: "visits", mean: 20, spread: 6, digits: 0 },
  { name: "score", mean: 0.5, spread: 0.15, digits: 5 },
  { name: "distance", mean: 12_400, spread: 3_100, digits: 1 },
  { name: "pressure", mean: 1_013.25, spread: 8, digits: 2 },
] as const;

/** Their values in alphabetical order: the place in it is a value's code. */
const categories = [
  { name: "city", values: Array.from({ length: 20 }, (_, code) => `city${String(code).padStart(2, "0")}`) },
  { name: "plan", values: ["basic", "family", "free", "plus", "team"] },
] as const;

/** A table of 12 columns: nine numbers, two categories, and a label, 0 or 1. */
export interface Table {
  readonly path: string;
  /** Of all rows, as written. */
  readonly numbers: readonly { readonly name: string; readonly mean: number; readonly std: number }[];
  readonly categories: readonly { readonly name: string; readonly values: readonly string[] }[];
  readonly label: string;
}

/** A CSV file with a header, some 75 bytes a row. */
export async function tableFile(numRows: number): Promise<Table> {
  const directory = await generated(`table-1-${numRows}`, (draft) => writeTable(draft, numRows));
  const statistics = JSON.parse(readFileSync(join(directory, "statistics.json"), "utf8"));
  return { path: join(directory, "table.csv"), numbers: statistics, categories, label: "churned" };
}

async function writeTable(directory: string, numRows: number): Promise<void> {
  const sums = numbers.map(() => ({ ofValues: 0, ofSquares: 0 }));
  const header = [...numbers, ...categories, { name: "churned" }].map(({ name }) => name).join(",");
  await using file = await open(join(directory, "table.csv"), "w");
  await file.write(`${header}\n`);
  for (let from = 0; from < numRows; from += numRowsAtOnce) {
    const random = new RandomStream("sample", seed, 1, from);
    const rows = Array.from({ length: Math.min(numRowsAtOnce, numRows - from) }, () => writeRow(random, sums));
    await file.write(rows.join(""));
  }
  const statistics = numbers.map(({ name, mean }, column) => {
    const shift = sums[column]!.ofValues / numRows;
    return { name, mean: mean + shift, std: Math.sqrt(sums[column]!.ofSquares / numRows - shift ** 2) };
  });
  await writeFile(join(directory, "statistics.json"), JSON.stringify(statistics));
}

/** One row; what is written is added to the sums, from each column's mean. */
function writeRow(random: RandomStream, sums: readonly { ofValues: number; ofSquares: number }[]): string {
  let row = "";
  let tendency = 0;
  numbers.forEach(({ mean, spread, digits }, column) => {
    // Close enough to a normal distribution: the sum of four uniform numbers has the variance 1/3.
    const deviation = Math.sqrt(3) * (random.uniform() + random.uniform() + random.uniform() + random.uniform() - 2);
    const text = (mean + spread * deviation).toFixed(digits);
    const value = Number(text) - mean;
    const sum = sums[column]!;
    sum.ofValues += value;
    sum.ofSquares += value ** 2;
    tendency += column % 2 === 0 ? deviation : -deviation;
    row += `${text},`;
  });
  for (const { values } of categories) row += `${values[random.integerBelow(values.length)]},`;
  return `${row}${tendency + 3 * (random.uniform() - 0.5) > 1 ? 1 : 0}\n`;
}
