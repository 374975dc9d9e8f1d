import fc from "fast-check";
import { expect, it } from "vitest";
import { rowsOf } from "./bench.ts";
import { formatNumber, renderTable } from "./render.ts";

it("numbers keep three digits, whatever their size", () => {
  fc.assert(
    fc.property(fc.double({ min: 0.01, max: 1e9, noNaN: true }), fc.boolean(), (size, isNegative) => {
      const value = isNegative ? -size : size;
      expect(Math.abs(Number(formatNumber(value)) / value - 1)).toBeLessThanOrEqual(0.005);
    }),
  );
  expect([1_872.4, 13.44, 0.08712, 0, Number.NaN].map(formatNumber)).toEqual(["1872", "13.4", "0.0871", "0", "NaN"]);
});

it("a table has aligned columns, and a dash where there is no peer", () => {
  const { measured, compared } = rowsOf("train");
  const table = renderTable([
    compared({ workload: "mnist", metric: "speed", unit: "images/s", peer: "p", better: "higher" }, [2_000], [1_000]),
    measured({ workload: "mnist, wide", metric: "memory", unit: "MiB" }, [1, 3]),
  ]);
  expect(table.split("\n")).toEqual([
    "name   workload     metric  value  unit      peer  ratio  spread",
    "train  mnist        speed    2000  images/s  p     2.000       -",
    "train  mnist, wide  memory      2  MiB       -         -  ± 50 %",
  ]);
});
