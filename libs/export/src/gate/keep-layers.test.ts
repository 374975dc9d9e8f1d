import fc from "fast-check";
import { expect, test } from "vitest";
import { keepLayers } from "./keep-layers.ts";

const losses = fc.array(fc.integer({ min: 1, max: 100 }), { minLength: 1, maxLength: 12 });

test("the fewest layers are kept, those that lose the most", async () => {
  await fc.assert(
    fc.asyncProperty(losses, fc.nat(300), async (each, allowed) => {
      const layers = each.map((_, index) => `layer ${index}`);
      const lossOf = (layer: string) => each[layers.indexOf(layer)]!;
      const total = (kept: ReadonlySet<string>) =>
        layers.reduce((sum, layer) => sum + (kept.has(layer) ? 0 : lossOf(layer)), 0);
      fc.pre(total(new Set()) > allowed);
      const found = await keepLayers({
        layers,
        lossOf: async (layer) => lossOf(layer),
        prove: async (kept) => total(kept),
        holds: (loss) => loss <= allowed,
      });
      expect(found.proof).toBeLessThanOrEqual(allowed);
      const kept = found.layers.filter(({ isKept }) => isKept);
      expect(found.layers.map(({ rootMeanSquare }) => rootMeanSquare)).toEqual(each.toSorted((a, b) => b - a));
      expect(found.layers.slice(0, kept.length)).toEqual(kept);
      // With one less it does not hold.
      expect(found.proof + kept.at(-1)!.rootMeanSquare).toBeGreaterThan(allowed);
    }),
  );
});
