import { z } from "zod";

/**
 * What the bits of a training depend on, as flat JSON, compared on resume: the machine and its software as
 * `@anneal/runtime` finds them, and the data, as `data.<split>` with a digest.
 */
export const fingerprintSchema = z.record(z.string(), z.union([z.string(), z.number(), z.boolean(), z.null()]));
export type Fingerprint = Readonly<z.infer<typeof fingerprintSchema>>;
