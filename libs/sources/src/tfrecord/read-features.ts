import { lengthOf, type TfRecordInput, type TfRecordLabel } from "./declaration.ts";
import { bytesOf, type Feature, type FeatureKind, floatsOf, integersOf } from "./example.ts";

/** What a part of a sample is looked for as. */
const kindOfType: Readonly<Record<(TfRecordInput | TfRecordLabel)["type"], FeatureKind>> = {
  image: "bytes",
  bytes: "bytes",
  name: "bytes",
  class: "int64",
  integer: "int64",
  float: "float",
};

export function kindOf(part: TfRecordInput | TfRecordLabel): FeatureKind {
  return kindOfType[part.type];
}

/** The feature of a part. Throws an Error that says what the record has instead. */
export function featureOf(features: ReadonlyMap<string, Feature>, part: TfRecordInput | TfRecordLabel): Feature {
  const feature = features.get(part.feature);
  if (feature === undefined) throw new Error(`the feature "${part.feature}" is missing`);
  if (feature.kind === kindOf(part)) return feature;
  throw new Error(`the feature "${part.feature}" is a list of ${feature.kind}, not of ${kindOf(part)}`);
}

/** The numbers of a list of floats or integers. Throws an Error for another length, or an integer beyond int32. */
export function numbersOf(bytes: Uint8Array, feature: Feature, part: TfRecordInput | TfRecordLabel): number[] {
  const numbers = feature.kind === "float" ? floatsOf(bytes, feature) : integersOf(bytes, feature);
  const expected = part.type === "class" ? 1 : lengthOf(part);
  if (numbers.length !== expected)
    throw new Error(`the feature "${part.feature}" has ${numbers.length} values, not ${expected}`);
  if (feature.kind === "float") return numbers;
  for (const value of numbers) {
    if (value !== (value | 0)) throw new Error(`the feature "${part.feature}" has ${value}, which is beyond 32 bits`);
  }
  return numbers;
}

/** Where the one element of a list of bytes is. Throws an Error for a list of another length. */
export function oneBytes(bytes: Uint8Array, feature: Feature, part: TfRecordInput | TfRecordLabel) {
  const elements = bytesOf(bytes, feature);
  if (elements.length !== 1) throw new Error(`the feature "${part.feature}" has ${elements.length} values, not 1`);
  return elements[0]!;
}

/** The label of a record. Throws an Error for one that is not as declared. */
export function labelOf(bytes: Uint8Array, features: ReadonlyMap<string, Feature>, label: TfRecordLabel): number[] {
  const feature = featureOf(features, label);
  if (label.type === "name") {
    const { start, end } = oneBytes(bytes, feature, label);
    const name = Buffer.from(bytes.subarray(start, end)).toString("utf8");
    const index = label.classNames.indexOf(name);
    if (index < 0) throw new Error(`the label "${name}" is none of the ${label.classNames.length} classes`);
    return [index];
  }
  const numbers = numbersOf(bytes, feature, label);
  if (label.type === "class" && !(numbers[0]! >= 0 && numbers[0]! < label.numClasses)) {
    throw new Error(`the label is ${numbers[0]}, but the classes are 0..${label.numClasses - 1}`);
  }
  return numbers;
}
