import { type CostModel, cpuCosts, gpuCosts, type HalfFormat } from "@anneal/compiler";
import { bfloat16ProductsOf } from "@anneal/policy";
import { readCpu, requestedDevice } from "@anneal/runtime";

/** What kernels cost where steps in this format are meant to run. */
export function kernelCostsFor(dtype: HalfFormat["dtype"]): CostModel {
  // A CPU has no kernels for float16: whoever asks for it there wants to see what a GPU would compute.
  if (requestedDevice() === "gpu" || dtype === "float16") return gpuCosts;
  return cpuCosts[bfloat16ProductsOf(readCpu().extensions)];
}
