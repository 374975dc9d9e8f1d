/**
 * What the bits of a training depend on, as flat JSON, compared on resume: the machine and its software as
 * `@anneal/runtime` finds them, and the data, as `data.<split>` with a digest.
 */
export type Fingerprint = Readonly<Record<string, string | number | boolean | null>>;
