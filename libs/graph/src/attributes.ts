import type { ConstantValue, Dtype } from "./types.ts";

/** What an attribute of each kind holds. */
export interface AttributeValues {
  readonly type: Dtype;
  readonly int: number;
  readonly ints: readonly number[];
  readonly float: number;
  readonly bool: boolean;
  readonly string: string;
  readonly shape: readonly number[];
  readonly tensor: ConstantValue;
}
type Kind = keyof AttributeValues;

/** An attribute of a node: fixed when the graph is made, unlike an input. */
export type Attribute = { [K in Kind]: { readonly kind: K; readonly value: AttributeValues[K] } }[Kind];

export type Attributes = Readonly<Record<string, Attribute>>;

export const attribute = {
  type: (value: Dtype): Attribute => ({ kind: "type", value }),
  int: (value: number): Attribute => ({ kind: "int", value }),
  ints: (value: readonly number[]): Attribute => ({ kind: "ints", value }),
  float: (value: number): Attribute => ({ kind: "float", value }),
  bool: (value: boolean): Attribute => ({ kind: "bool", value }),
  string: (value: string): Attribute => ({ kind: "string", value }),
  shape: (value: readonly number[]): Attribute => ({ kind: "shape", value }),
  tensor: (value: ConstantValue): Attribute => ({ kind: "tensor", value }),
} as const;

/** The value of an attribute of the given kind, or undefined where the node has none of that name and kind. */
export function readAttribute<K extends Kind>(
  attributes: Attributes,
  name: string,
  kind: K,
): AttributeValues[K] | undefined {
  const found = attributes[name];
  return found?.kind === kind ? (found.value as AttributeValues[K]) : undefined;
}
