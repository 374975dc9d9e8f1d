import type { Tensor } from "@tensorflow/tfjs";
import { float, type InputSpec } from "../inputs.ts";

/** A call of an op with inputs of these types. */
export interface OpCase {
  readonly inputs: readonly InputSpec[];
  readonly run: (...inputs: Tensor[]) => Tensor | readonly Tensor[];
  /** Whether TensorFlow.js has its gradient. By default it has, by every float32 input. */
  readonly differentiable?: false;
}

/** Cases by the public name of the function, such as `image.resizeBilinear`. */
export type OpCases = Readonly<Record<string, readonly OpCase[]>>;

// Functions of TensorFlow.js take tensors of one rank each by their types; cases have the ranks that they need.
type Run = (...inputs: never[]) => unknown;

export function differentiable(inputs: readonly InputSpec[], run: Run): OpCase {
  return { inputs, run: run as OpCase["run"] };
}

/** An op whose result is no function to differentiate, or whose gradient TensorFlow.js does not have. */
export function forwardOnly(inputs: readonly InputSpec[], run: Run): OpCase {
  return { inputs, run: run as OpCase["run"], differentiable: false };
}

/** Cases of functions of one tensor, with values of this range. */
export function unary(functions: Readonly<Record<string, Run>>, range: { from?: number; to?: number } = {}): OpCases {
  return Object.fromEntries(
    Object.entries(functions).map(([name, run]) => [name, [differentiable([float([2, 3], range)], run)]]),
  );
}
