/** What the bits of a training depend on, as flat JSON: filled by `@anneal/runtime`, compared on resume. */
export type Fingerprint = Readonly<Record<string, string | number | boolean | null>>;
