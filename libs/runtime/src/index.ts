export type { Device, TensorflowPointer } from "./paths.ts";
export { cacheDirectory, readTensorflowPointer, requestedDevice, tensorflowPointerPath } from "./paths.ts";
