import { type Dtype, dtypeNumbers } from "@anneal/graph";

const names: ReadonlyMap<number, Dtype> = new Map(
  Object.entries(dtypeNumbers).map(([name, number]) => [number, name as Dtype]),
);

/** The name of a number format that the runtime has, also of one that no graph of ours holds. */
export function dtypeName(number: number): string {
  return names.get(number) ?? `type ${number}`;
}
