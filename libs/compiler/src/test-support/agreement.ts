import { expect } from "vitest";
import type { Comparison } from "../differential/both-ways.ts";
import { largestDifference } from "./run-graph.ts";

/**
 * Both ways gave the same names, types and numbers, within rounding.
 *
 * @param tolerance largest difference, relative to the larger of 1 and the value: float32 has 24 bits, and a sum of a few
 *   hundred values in another order loses some of them
 */
export function expectAgreement({ eager, compiled }: Comparison, tolerance = 2e-5): void {
  expect(typesOf(compiled)).toEqual(typesOf(eager));
  for (const [name, { values }] of Object.entries(eager)) {
    const difference = largestDifference(compiled[name]!.values, values);
    expect(
      difference,
      `${name}: ${[...compiled[name]!.values].slice(0, 4)} for ${[...values].slice(0, 4)}`,
    ).toBeLessThan(tolerance);
  }
}

function typesOf(results: Comparison["eager"]) {
  return Object.fromEntries(
    Object.entries(results).map(([name, { dtype, shape }]) => [name, { dtype, shape: [...shape] }]),
  );
}
