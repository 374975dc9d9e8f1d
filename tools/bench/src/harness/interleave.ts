/** One measured round of each subject. */
type Round<Results> = { readonly [Name in keyof Results]: Results[Name] };

/**
 * Measures subjects in turn, A, B, A, B, …, one at a time: whatever changes on the machine meanwhile meets them alike.
 *
 * @returns the results by round
 */
export async function interleave<Results extends Record<string, unknown>>(
  numRounds: number,
  subjects: { readonly [Name in keyof Results]: (round: number) => Promise<Results[Name]> },
): Promise<readonly Round<Results>[]> {
  const rounds: Round<Results>[] = [];
  for (let round = 0; round < numRounds; round += 1) {
    const results: Partial<Results> = {};
    for (const name of Object.keys(subjects) as (keyof Results)[]) results[name] = await subjects[name](round);
    rounds.push(results as Results);
  }
  return rounds;
}
