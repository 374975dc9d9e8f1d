import type { SampleSpec } from "@anneal/sources";

/** Height, width and channels of an image field. Throws for anything else. */
export function imageSize(name: string, input: SampleSpec): { height: number; width: number; channels: number } {
  const [height, width, channels] = input.shape;
  if (input.shape.length !== 3 || !height || !width || !channels) {
    throw new Error(`${name} needs images [height, width, channels], not [${input.shape.join(",")}]`);
  }
  return { height, width, channels };
}
