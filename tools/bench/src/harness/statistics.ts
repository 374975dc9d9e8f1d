/** Median of at least one number. */
export function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}

/** The `q`-quantile (0..1), linear between the two nearest values (Hyndman and Fan's type 7). */
export function quantile(values: readonly number[], q: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  const position = (sorted.length - 1) * q;
  const below = sorted[Math.floor(position)];
  const above = sorted[Math.ceil(position)];
  if (below === undefined || above === undefined) throw new RangeError("a quantile needs at least one value");
  return below === above ? below : below + (above - below) * (position - Math.floor(position));
}

/**
 * Half of the range of the values, relative to their median: 0.02 reads as "± 2 %". Null where it says nothing: for one
 * value, and for values around zero.
 */
export function relativeSpread(values: readonly number[]): number | null {
  const [least, greatest] = [Math.min(...values), Math.max(...values)];
  if (values.length < 2 || least * greatest <= 0) return null;
  return (greatest - least) / 2 / Math.abs(median(values));
}

/** Ours against a peer's in each round, so that > 1 always means that we are better. */
export function roundRatios(
  ours: readonly number[],
  peers: readonly number[],
  better: "higher" | "lower",
): readonly number[] {
  if (ours.length !== peers.length) throw new RangeError(`${ours.length} rounds of ours, ${peers.length} of the peer`);
  return ours.map((own, round) => {
    const peer = peers[round] as number;
    return better === "higher" ? own / peer : peer / own;
  });
}
