import type { FieldSpec } from "@anneal/sources";

/** Height, width and channels of an image field. Throws for anything else. */
export function imageSize(name: string, input: FieldSpec): { height: number; width: number; channels: number } {
  const [height, width, channels] = input.shape;
  if (input.shape.length !== 3 || height === undefined || width === undefined || channels === undefined) {
    throw new Error(`${name} needs images [height, width, channels], not [${input.shape.join(",")}]`);
  }
  return { height, width, channels };
}
