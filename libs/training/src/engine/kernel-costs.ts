import { type CostModel, cpuCosts, gpuCosts, type HalfFormat } from "@anneal/compiler";
import { requestedDevice } from "@anneal/runtime";

/** What kernels cost where steps in this format are meant to run. */
export function kernelCostsFor(dtype: HalfFormat["dtype"]): CostModel {
  // A CPU has no kernels for float16: whoever asks for it there wants to see what a GPU would compute.
  return requestedDevice() === "gpu" || dtype === "float16" ? gpuCosts : cpuCosts;
}
