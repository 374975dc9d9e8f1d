import { setImmediate } from "node:timers/promises";
import type { WeightStorage } from "@anneal/contracts";
import { type HalfFormat, narrowInto, widenInto } from "./half-floats.ts";
import type { NamedTensor } from "./tensors.ts";

/** A training state: float32 weights and the optimizer's slots; or what is in its two files. */
export interface StateTensors {
  readonly model: readonly NamedTensor[];
  readonly optimizer: readonly NamedTensor[];
}

/** A state as its files gave it, in float32. */
export interface RestoredTensors extends StateTensors {
  /** The weights as they are stored: what whoever uses the model gets. */
  readonly model: readonly NamedTensor[];
  /** The weights that training goes on from; those of `model` where nothing was rounded. */
  readonly masterWeights: readonly NamedTensor[];
}

const formats = { BF16: "bfloat16", F16: "float16" } as const satisfies Record<string, HalfFormat>;
const dtypes = { bfloat16: "BF16", float16: "F16" } as const;

/** Elements converted at a time: between two pieces, of some 10 ms, the thread answers its messages. */
const pieceLength = 1 << 21;

/**
 * Storage of weights in 16 bits. `model.safetensors` holds what is shipped: float32 weights rounded to bfloat16 or float16. Training
 * goes on from the float32 master weights, which lie whole in `optimizer.safetensors` as `<name>/master`: it is a file that
 * only a resume needs, and any reader of the format can use them. (The 16 bits that a rounded value lacks would be smaller, but for
 * a tie they do not say which of two values was rounded, and a float16's exponent is another.)
 *
 * Other tensors stay as they are: integers, 16-bit ones, and float32 tensors in which a finite value would become an infinity.
 *
 * @returns the tensors of the two files: copies of the weights that are rounded, else the tensors that were given
 */
export async function storeWeights({ model, optimizer }: StateTensors, storage: WeightStorage): Promise<StateTensors> {
  if (storage === "float32") return { model, optimizer };
  const stored: NamedTensor[] = [];
  const masters: NamedTensor[] = [];
  for (const tensor of model) {
    const rounded = await roundTensor(tensor, storage);
    stored.push(rounded ?? tensor);
    if (rounded !== null) masters.push({ ...tensor, name: masterName(tensor.name) });
  }
  return { model: stored, optimizer: [...optimizer, ...masters] };
}

/** The state that `storeWeights` was given, and the weights as it stored them. */
export async function restoreWeights({ model, optimizer }: StateTensors): Promise<RestoredTensors> {
  const byName = new Map(optimizer.map((tensor) => [tensor.name, tensor]));
  const taken = new Set<string>();
  const widened: NamedTensor[] = [];
  const masterWeights: NamedTensor[] = [];
  for (const tensor of model) {
    const master = byName.get(masterName(tensor.name));
    if (master === undefined || !isHalf(tensor.dtype)) {
      widened.push(tensor);
      masterWeights.push(tensor);
      continue;
    }
    taken.add(master.name);
    widened.push(await widenTensor(tensor, formats[tensor.dtype]));
    masterWeights.push({ ...master, name: tensor.name });
  }
  return { model: widened, masterWeights, optimizer: optimizer.filter(({ name }) => !taken.has(name)) };
}

function masterName(name: string): string {
  return `${name}/master`;
}

function isHalf(dtype: NamedTensor["dtype"]): dtype is keyof typeof formats {
  return dtype in formats;
}

/** Null for a tensor that stays as it is. */
async function roundTensor({ name, dtype, shape, data }: NamedTensor, format: HalfFormat): Promise<NamedTensor | null> {
  if (dtype !== "F32") return null;
  const target = new Uint16Array(data.length);
  for (let at = 0; at < data.length; at += pieceLength) {
    const end = Math.min(at + pieceLength, data.length);
    const overflowed = narrowInto(format, (data as Float32Array).subarray(at, end), target.subarray(at, end));
    if (overflowed) return null;
    if (end < data.length) await setImmediate();
  }
  return { name, dtype: dtypes[format], shape, data: target };
}

async function widenTensor({ name, shape, data }: NamedTensor, format: HalfFormat): Promise<NamedTensor> {
  const target = new Float32Array(data.length);
  for (let at = 0; at < data.length; at += pieceLength) {
    const end = Math.min(at + pieceLength, data.length);
    widenInto(format, (data as Uint16Array).subarray(at, end), target.subarray(at, end));
    if (end < data.length) await setImmediate();
  }
  return { name, dtype: "F32", shape, data: target };
}
