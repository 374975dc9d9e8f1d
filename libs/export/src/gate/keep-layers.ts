import type { LayerLoss } from "@anneal/contracts";

/** What is known of the layers of a file, and of files in which some of them are kept in float32. */
interface LayerSearch<Proof> {
  readonly layers: readonly string[];
  /** What a layer does to the outputs while all others are in float32. */
  readonly lossOf: (layer: string) => Promise<number>;
  /** The file with these layers in float32. */
  readonly prove: (kept: ReadonlySet<string>) => Promise<Proof>;
  readonly holds: (proof: Proof) => boolean;
}

/** The file that holds with the fewest layers in float32, and what each layer loses by itself, the most first. */
export interface KeptLayers<Proof> {
  readonly proof: Proof;
  readonly layers: readonly LayerLoss[];
}

/**
 * Keeps layers in float32, those that lose the most by themselves first, until the file holds. That more kept layers lose less is taken for granted while the
 * number is looked for; what is returned was proven.
 */
export async function keepLayers<Proof>(search: LayerSearch<Proof>): Promise<KeptLayers<Proof>> {
  const losses: { readonly layer: string; readonly rootMeanSquare: number }[] = [];
  for (const layer of search.layers) losses.push({ layer, rootMeanSquare: await search.lossOf(layer) });
  losses.sort((a, b) => b.rootMeanSquare - a.rootMeanSquare);
  const proveFirst = (numKept: number) => search.prove(new Set(losses.slice(0, numKept).map(({ layer }) => layer)));
  let [tooFew, enough] = [0, losses.length];
  let proof: Proof | null = null;
  while (enough - tooFew > 1) {
    const numKept = Math.floor((tooFew + enough) / 2);
    const tried = await proveFirst(numKept);
    if (search.holds(tried)) [enough, proof] = [numKept, tried];
    else tooFew = numKept;
  }
  return {
    proof: proof ?? (await proveFirst(enough)),
    layers: losses.map((loss, index) => ({ ...loss, isKept: index < enough })),
  };
}
